/** Texts of the log-ins: the list of mine, those of colleagues, and logging in by an identity provider. */

export const sessions = {
  region: "My log-ins",
  title: "My log-ins",
  intro: "Where you are logged in. If you do not know one, end it and change your password.",
  here: "this one",
  unknownBrowser: "Unknown program",
  on: (browser: string, system: string) => `${browser} on ${system}`,
  since: "Since",
  used: "Last used",
  from: "From",
  end: "End",
  endOf: (what: string) => `End the log-in ${what}`,
  endOthers: "End all others",
  onlyThis: "You are logged in here only.",
  ended: "Ended.",
  colleague: "A colleague’s log-ins",
  person: "Person",
  choose: "Choose a person",
  none: "Not logged in anywhere.",
  endAll: "End all of them",
  oidc: (name: string) => `Log in with ${name}`,
  or: "or",
  failures: {
    unknown_person: "The identity provider knows you, but nobody here has that name. Ask your administrator.",
    expired: "This took too long, or was begun in another browser. Please log in again.",
    denied: "The identity provider did not let you in.",
    unreachable: "The identity provider cannot be reached. Try again, or use your password.",
    bad_answer: "The identity provider’s answer cannot be trusted. Tell your administrator.",
    busy: "Too many log-ins are under way. Try again in a few minutes.",
    too_many_attempts: "Too many log-ins were tried from here. Try again in a minute.",
  } as Record<string, string>,
  errors: {
    unknown_session: "This log-in has ended already.",
    too_many_requests: "Too many requests at once. Wait a moment.",
  } as Record<string, string>,
};

export type SessionsTexts = typeof sessions;
