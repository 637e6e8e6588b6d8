/** The cookies of one browser for the host of the site and the relay. */
export interface CookieJar {
  /** The value of a `Cookie` header, empty without cookies. */
  header(): string;
  set(name: string, value: string): void;
  /** Takes the value of a `Set-Cookie` header; of its attributes only an expiry in the past matters here. */
  store(setCookie: string): void;
}

export function createCookieJar(): CookieJar {
  const cookies = new Map<string, string>();
  return {
    header: () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    set: (name, value) => {
      cookies.set(name, value);
    },
    store(setCookie) {
      const [pair = '', ...attributes] = setCookie.split(';');
      const [name = '', ...value] = pair.trim().split('=');
      if (attributes.some((attribute) => /^\s*max-age=(0|-\d+)\s*$/i.test(attribute))) {
        cookies.delete(name);
      } else {
        cookies.set(name, value.join('='));
      }
    },
  };
}
