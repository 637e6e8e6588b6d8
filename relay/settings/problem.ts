/** One problem of one variable: what it would take. Never holds the value of a secret. */
export interface Problem {
  readonly variable: string;
  readonly message: string;
}
