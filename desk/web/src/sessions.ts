/** Log-ins as the server tells of them, and what a browser calls itself in words. */

export interface Session {
  id: string;
  since: string;
  last_used: string;
  user_agent: string;
  address: string;
  /** Whether it is this page's own. */
  current: boolean;
}

export interface Ways {
  password: true;
  oidc: { name: string } | null;
}

/** In this order: every browser also claims to be some of those after it. */
const BROWSERS: [RegExp, string][] = [
  [/Edg(e|A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/Chrome\/|CriOS\//, "Chrome"],
  [/Safari\//, "Safari"],
];

const SYSTEMS: [RegExp, string][] = [
  [/iPhone|iPad/, "iOS"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/Linux|X11/, "Linux"],
];

/** `["Firefox", "Linux"]`; a program that is no browser by the first word of its own name; empty for nothing known. */
export function browserOf(userAgent: string): [browser: string, system: string] {
  const found = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(userAgent))?.[1] ?? "";
  return [found(BROWSERS) || (/^[\w.-]{1,40}/.exec(userAgent)?.[0] ?? ""), found(SYSTEMS)];
}

/** Why a log-in by the identity provider failed, as the address says: `#login/expired`. */
export function failureIn(hash: string): string | null {
  return /^#login\/([a-z_]{1,40})$/.exec(hash)?.[1] ?? null;
}
