/** Places within the desk that links lead to, as they stand behind the `#` of its address. */

/** The administrator's page, with the form for a new colleague open. */
export const ENROL = "administration/enrol";
