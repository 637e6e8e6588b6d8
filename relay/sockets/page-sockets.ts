import type { Server as EngineServer, Socket as EngineSocket } from 'engine.io';
import { Decoder, Encoder, type Packet, PacketType } from 'socket.io-parser';
import { textFrame } from '../messages/packet.js';
import type { Ack, ServerEvents } from '../protocol.js';
import { createRandomBytes } from '../random-bytes.js';
import { idleSocketOf } from './idle-socket.js';

/** The Socket.IO connection of a page to the main namespace, the only one there is. */
export interface PageSocket {
  readonly id: string;
  readonly conn: EngineSocket;
  emit<Event extends keyof ServerEvents & string>(event: Event, ...args: Parameters<ServerEvents[Event]>): void;
  /** Ends it for good: a client that is told so does not come back by itself. */
  disconnect(): void;
}

export interface PageSockets {
  get(id: string): PageSocket | undefined;
  all(): Iterable<PageSocket>;
}

/** What is made of a page that asks for a socket: `Admitted` before it has one, `Owner` from then on. */
export interface PageSocketsOptions<Admitted, Owner> {
  readonly engine: EngineServer;
  /** How long a connection may stay without asking for a socket, milliseconds. */
  readonly patience: number;
  onConnection(conn: EngineSocket): void;
  /** Whether a packet is to be read. */
  mayCome(conn: EngineSocket, data: unknown, owner: Owner | undefined): boolean;
  /** @throws what `refusal` makes a `connect_error` of */
  admit(conn: EngineSocket, auth: Readonly<Record<string, unknown>>): Promise<Admitted>;
  refusal(conn: EngineSocket, error: unknown): { readonly message: string; readonly data: object };
  onSocket(socket: PageSocket, admitted: Admitted): Owner;
  onEvent(owner: Owner, event: string, args: unknown[], ack: Ack | undefined): void;
  /** Something is to be queued for it. `false`: too much is queued already, and it was closed for that. */
  mayQueue(owner: Owner): boolean;
  onUpgrade(owner: Owner): void;
  /** @param reason one of Socket.IO's */
  onEnd(owner: Owner, reason: string): void;
  onUnreadable(socket: PageSocket, error: unknown): void;
  onClose(conn: EngineSocket, reason: string): void;
}

interface Seat<Owner> extends PageSocket {
  state: 'new' | 'asking' | 'open' | 'ended';
  owner: Owner | undefined;
  /** Of an event whose binary parts are still to come. */
  decoder: Decoder | undefined;
  timeout: NodeJS.Timeout | undefined;
}

const SEAT = Symbol('seat');
const MAIN = '/';
/** Characters of a packet that goes by Engine.IO, which tells a replay that waits for its reader when it was taken. */
const LARGE = 16_384;
/** Makes 20 characters, as Socket.IO's are. */
const drawId = createRandomBytes(15);

/**
 * Socket.IO's protocol (revision 5, and 4 for v2 pages) over Engine.IO, for one namespace without rooms. Socket.IO's own
 * Client, Socket, Decoder and adapter are 40 objects a connection, and with their promises and ticks a sixth of what it
 * costs to come in; what is needed of them is this.
 */
export function createPageSockets<Admitted, Owner>(options: PageSocketsOptions<Admitted, Owner>): PageSockets {
  const sockets = new Map<string, Seat<Owner>>();
  const encoder = new Encoder();
  const decode = createDecode();

  function seatOf(conn: EngineSocket): Seat<Owner> | undefined {
    return (conn as EngineSocket & { [SEAT]?: Seat<Owner> })[SEAT];
  }

  function send(conn: EngineSocket, packet: Packet): void {
    for (const part of encoder.encode(packet) as (string | Buffer)[]) {
      if (conn.readyState === 'open') write(conn, part);
    }
  }

  /**
   * What is queued is looked at before and not behind it: an answer that alone is larger than all that may be queued
   * makes no slow reader of one for whom nothing waits.
   */
  function write(conn: EngineSocket, part: string | Buffer): void {
    const small = typeof part === 'string' && part.length < LARGE && conn.protocol !== 3;
    const idle = small ? idleSocketOf(conn) : undefined;
    if (idle !== undefined) {
      idle.write(textFrame(`4${part}`));
      return;
    }
    const owner = seatOf(conn)?.owner;
    if (owner === undefined || options.mayQueue(owner)) conn.write(part);
  }

  function emit(this: PageSocket, event: string, ...args: readonly unknown[]): void {
    send(this.conn, { type: PacketType.EVENT, nsp: MAIN, data: [event, ...args] });
  }

  function disconnect(this: PageSocket): void {
    const seat = seatOf(this.conn);
    if (seat?.state !== 'open') return;
    send(this.conn, { type: PacketType.DISCONNECT, nsp: MAIN });
    end(seat, 'server namespace disconnect');
    this.conn.close();
  }

  function begin(conn: EngineSocket): void {
    const timeout = setTimeout(() => conn.close(), options.patience);
    const id = conn.protocol === 3 ? idOf(conn) : drawId().toString('base64url');
    const seat: Seat<Owner> = {
      id,
      conn,
      emit,
      disconnect,
      state: 'new',
      owner: undefined,
      decoder: undefined,
      timeout,
    };
    Object.assign(conn, { [SEAT]: seat });
    conn.on('data', receive);
    conn.on('close', close);
    if (conn.transport.name === 'polling') conn.on('upgrade', upgrade);
    options.onConnection(conn);
    // there every connection has a socket of the main namespace
    if (conn.protocol === 3) ask(seat, {});
  }

  function receive(this: EngineSocket, data: unknown): void {
    const seat = seatOf(this);
    if (seat === undefined || !options.mayCome(this, data, seat.owner)) return;
    let packet: Packet | undefined;
    try {
      packet = decode(seat, data);
    } catch (error) {
      if (seat.state === 'open') options.onUnreadable(seat, error);
      this.close();
      return;
    }
    if (packet !== undefined) take(seat, packet);
  }

  function take(seat: Seat<Owner>, packet: Packet): void {
    const { conn, owner } = seat;
    const { type } = packet;
    // v2 asks for a namespace with its query behind it, and knows the answer by the name alone
    const nsp = conn.protocol === 3 ? packet.nsp.replace(/\?.*$/s, '') : packet.nsp;
    if (type === PacketType.CONNECT && nsp !== MAIN) refuseNamespace(conn, nsp);
    else if (type === PacketType.CONNECT && seat.state === 'new') ask(seat, packet.data ?? {});
    // it is being answered; whoever goes on asking comes to the end of its rate
    else if (type === PacketType.CONNECT && seat.state === 'asking') return;
    else if (nsp !== MAIN || owner === undefined) expel(seat);
    else if (type === PacketType.EVENT) hear(owner, conn, packet);
    else if (type === PacketType.DISCONNECT) end(seat, 'client namespace disconnect');
    // nothing that is sent asks for an answer
    else if (type !== PacketType.ACK) expel(seat);
  }

  /** It breaks the protocol. At once, since a polling connection closes only with its next poll. */
  function expel(seat: Seat<Owner>): void {
    seat.conn.close();
    end(seat, 'forced server close');
  }

  function hear(owner: Owner, conn: EngineSocket, { data, id }: Packet): void {
    // the parser lets an event pass that holds nothing, not even its name
    const [event, ...args] = (data ?? ['']) as [string, ...unknown[]];
    options.onEvent(owner, event, args, id === undefined ? undefined : ackOf(conn, id));
  }

  function ackOf(conn: EngineSocket, id: number): Ack {
    let answered = false;
    return (answer) => {
      if (answered) return;
      answered = true;
      send(conn, { type: PacketType.ACK, nsp: MAIN, id, data: [answer] });
    };
  }

  function ask(seat: Seat<Owner>, auth: Readonly<Record<string, unknown>>): void {
    seat.state = 'asking';
    options.admit(seat.conn, auth).then(
      (admitted) => enter(seat, admitted),
      (error: unknown) => turnAway(seat, error),
    );
  }

  function enter(seat: Seat<Owner>, admitted: Admitted): void {
    const { id, conn } = seat;
    if (seat.state !== 'asking' || conn.readyState !== 'open') return;
    seat.state = 'open';
    clearTimeout(seat.timeout);
    seat.timeout = undefined;
    sockets.set(id, seat);
    send(conn, { type: PacketType.CONNECT, nsp: MAIN, ...(conn.protocol === 3 ? {} : { data: { sid: id } }) });
    seat.owner = options.onSocket(seat, admitted);
  }

  /** It may ask again, with another proof. */
  function turnAway(seat: Seat<Owner>, error: unknown): void {
    const { conn } = seat;
    if (seat.state !== 'asking') return;
    seat.state = 'new';
    const { message, data } = options.refusal(conn, error);
    send(conn, { type: PacketType.CONNECT_ERROR, nsp: MAIN, data: conn.protocol === 3 ? data : { message, data } });
  }

  function refuseNamespace(conn: EngineSocket, nsp: string): void {
    send(conn, { type: PacketType.CONNECT_ERROR, nsp, data: { message: 'Invalid namespace' } });
  }

  function upgrade(this: EngineSocket): void {
    this.off('upgrade', upgrade);
    const owner = seatOf(this)?.owner;
    if (owner !== undefined) options.onUpgrade(owner);
  }

  function end(seat: Seat<Owner>, reason: string): void {
    const { owner } = seat;
    seat.state = 'ended';
    seat.owner = undefined;
    clearTimeout(seat.timeout);
    sockets.delete(seat.id);
    if (owner !== undefined) options.onEnd(owner, reason);
  }

  function close(this: EngineSocket, reason: string): void {
    const seat = seatOf(this);
    if (seat !== undefined) end(seat, reason);
    options.onClose(this, reason);
  }

  options.engine.on('connection', begin);

  return {
    get: (id) => sockets.get(id),
    all: () => sockets.values(),
  };
}

/** One decoder for all: only one that waits for the binary parts of an event is its connection's, until they are there. */
function createDecode(): (seat: { decoder: Decoder | undefined }, data: unknown) => Packet | undefined {
  let decoded: Packet | undefined;
  let free = makeDecoder();

  function makeDecoder(): Decoder {
    const decoder = new Decoder();
    decoder.on('decoded', (packet) => {
      decoded = packet;
    });
    return decoder;
  }

  return (seat, data) => {
    const decoder = seat.decoder ?? free;
    decoder.add(data);
    const packet = decoded;
    decoded = undefined;
    if (packet !== undefined) seat.decoder = undefined;
    else if (decoder === free) {
      seat.decoder = decoder;
      free = makeDecoder();
    }
    return packet;
  };
}

/** What Engine.IO's types leave out. */
function idOf(conn: EngineSocket): string {
  return (conn as unknown as { readonly id: string }).id;
}
