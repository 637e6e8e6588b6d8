/**
 * Names of keys and channels. All keys of one user carry the hash tag `{user}`, so that a Redis Cluster keeps them
 * together. Ids are percent-encoded: a `}` in one would cut the tag short.
 */
export interface Keys {
  /** What all keys of one user begin with. */
  of(user: string): string;
  user(user: string, part: 'inbox' | 'messages' | 'sockets' | 'confirmed' | 'lost' | 'watchers'): string;
  userConversations(user: string): string;
  conversation(id: string): string;
  device(id: string): string;
  pairs(subject: string): string;
  replicaUsers(replica: string): string;
  replicaWatches(replica: string): string;
  readonly replicas: string;
  readonly replicaSince: string;
  readonly replicaLoad: string;
  readonly offline: string;
  /** Channel of one replica; followed by its id. */
  readonly channel: string;
  /** Channel that every replica hears. */
  readonly all: string;
}

export function createKeys(prefix: string): Keys {
  const of = (id: string) => `${prefix}{${encodeURIComponent(id)}}:`;
  const tagged = (id: string, part: string) => of(id) + part;
  return {
    of,
    user: tagged,
    userConversations: (user) => tagged(user, 'conversations'),
    conversation: (id) => `${prefix}conversation:{${encodeURIComponent(id)}}`,
    device: (id) => `${prefix}device:${id}`,
    pairs: (subject) => `${prefix}pairs:${subject}`,
    replicaUsers: (replica) => `${prefix}replica:{${replica}}:users`,
    replicaWatches: (replica) => `${prefix}replica:{${replica}}:watches`,
    replicas: `${prefix}{replicas}`,
    replicaSince: `${prefix}{replicas}:since`,
    replicaLoad: `${prefix}{replicas}:load`,
    offline: `${prefix}offline`,
    channel: `${prefix}to:`,
    all: `${prefix}to:all`,
  };
}
