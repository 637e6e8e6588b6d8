/** The server is busy and says so (503 with Retry-After): a browser tries again by itself. */
export class Refused extends Error {
  constructor(body: string) {
    super(`refused for now: ${body}`);
    this.name = 'Refused';
  }
}
