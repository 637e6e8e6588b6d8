import type { Logger } from 'pino';
import { createAddressList } from './addresses.js';
import { createBackend } from './backend.js';
import type { Config } from './config.js';
import { createClaims } from './identity/claim.js';
import { createDeviceCookies } from './identity/device.js';
import { createRegistration } from './identity/registration.js';
import { createSessions } from './identity/session.js';
import { createInternalServer } from './internal/server.js';
import { createStats } from './internal/stats.js';
import { acceptLegacy } from './legacy/accept-legacy.js';
import { createEmitterIngress } from './legacy/emitter.js';
import { createShapeCollector } from './legacy/learn.js';
import { createAccept } from './messages/accept.js';
import { createAttaching } from './messages/attach.js';
import { createInstant, createPersist, hold } from './messages/client-send.js';
import { createConfirmer } from './messages/confirm.js';
import { createConversations } from './messages/conversations.js';
import { createDeliverLater } from './messages/deliver-later.js';
import { createEarly } from './messages/early.js';
import { createHub, type Hub } from './messages/hub.js';
import { createPairing, NO_PAIRING } from './messages/pairing.js';
import { createSignals } from './messages/signals.js';
import { createTraces } from './messages/trace.js';
import { createUnderWay } from './messages/under-way.js';
import { addReadings, createMetrics } from './metrics.js';
import { createWatching } from './presence/watching.js';
import { createQuestions } from './questions.js';
import { createHandlers } from './sockets/handlers.js';
import { createLegacyNotifier } from './sockets/legacy-notifier.js';
import { createListener } from './sockets/listener.js';
import { createMembership } from './sockets/membership.js';
import { createOrigins } from './sockets/origin.js';
import { createPageNames } from './sockets/page-names.js';
import { createPublicServer } from './sockets/server.js';
import { createUnknownEvents } from './sockets/unknown-events.js';
import { createMemoryPairs } from './store/memory/relations.js';
import { createMemoryStore } from './store/memory/store.js';
import { createWorld } from './store/memory/world.js';
import { createRecentSet } from './store/recent-set.js';
import { connect } from './store/redis/connect.js';
import { createRedisStore } from './store/redis/store.js';
import { createTokens } from './tokens.js';
import { createTryPage } from './try/try-page.js';

/**
 * How long it is known that a message took its place, milliseconds, and of how many. PHP that was told 503 comes with it
 * again after a minute at most (php-bridge/src/OutboxSender.php).
 */
const RECENT = 120_000;
const RECENT_LIMIT = 50_000;
/** How long a stop waits for messages of pages, milliseconds: PHP has 2 s to persist one. */
const LAST_SENDS = 3_000;

export interface Addresses {
  readonly public: string;
  readonly internal: string;
}

export interface Relay {
  /** The name under which the internal API and other replicas speak of it. */
  readonly replica: string;
  listen(): Promise<Addresses>;
  /** The line to paste that `/try` shows the message of; outside production. */
  curl(): string | undefined;
  /** Secrets and origins of `config`, and the TLS files anew; nobody is dropped. */
  reload(config: Config): void;
  /** Closes in the reverse order of opening; sockets are spread over the drain time. */
  close(): Promise<void>;
}

export async function createRelay(config: Config, log: Logger): Promise<Relay> {
  const metrics = createMetrics();
  const tokens = createTokens(config.secret, config.previousSecret);
  const origins = createOrigins(config.allowedOrigins, config.production);
  const trustedProxies = createAddressList(config.trustedProxies);
  const backend =
    config.backendUrl === undefined
      ? undefined
      : createBackend({
          url: config.backendUrl,
          tokens,
          log,
          onCall(action, seconds, failed) {
            metrics.backendSeconds.observe({ action }, seconds);
            if (failed) metrics.backendFailures.inc();
          },
        });
  const store =
    config.redisUrl === undefined
      ? createMemoryStore(createWorld(config))
      : createRedisStore({
          url: config.redisUrl,
          prefix: config.redisPrefix,
          inboxLimit: config.inboxLimit,
          inboxTtl: config.inboxTtl,
          log,
          onReconnect: () => metrics.storeReconnects.inc(),
        });
  const traces = createTraces(store.routes);
  const conversations = createConversations(store.conversations, backend);
  const hub = createHub(
    store.inbox,
    {
      pingBehind: (outlet, replay) => confirmer.pingBehind(outlet, replay),
      onWritten(outlet, message, replay) {
        metrics.delivered.inc();
        if (replay) metrics.replayed.inc();
        else metrics.deliverSeconds.observe((Date.now() - message.at) / 1000);
        traces.delivered(message.id, outlet.user, message.at, outlet.record.id);
      },
      onSkipped(outlet) {
        if (confirmer.pingBehind(outlet, false)) outlet.pipe.ping();
      },
      onGap(outlet, position) {
        log.warn(
          { user: outlet.user, socket: outlet.record.id },
          'the inbox no longer reaches back: messages are missing',
        );
        membership.tellGap(outlet, position);
      },
      onFork(user) {
        log.warn({ user }, 'store: messages that were seen are gone, the sockets of their user join again');
        attaching
          .joinAgain(user)
          .catch((error: unknown) => log.warn({ err: error }, 'store: sockets did not join again'));
      },
    },
    log,
    config.redisUrl === undefined ? undefined : createRecentSet(RECENT, RECENT_LIMIT),
  );
  const confirmer = createConfirmer({
    hub,
    presence: store.presence,
    log,
    onConfirmed(outlet, { message }) {
      metrics.confirmSeconds.observe((Date.now() - message.at) / 1000);
      traces.confirmed(message.id, outlet.user, message.at);
    },
  });
  const { presence, routes } = store;
  const attaching = createAttaching({ hub, presence, routes, confirmer, log, limit: config.maxConnectionsPerUser });
  const watching = createWatching(presence, conversations);
  const signals = createSignals({ hub, inbox: store.inbox, conversations });
  const pairsHere = () => (config.redisUrl === undefined ? undefined : createMemoryPairs(createWorld(config)));
  const pairing = config.clientSend === 'instant' ? createPairing(store.pairs, pairsHere()) : NO_PAIRING;
  const early = createEarly(hub);
  const accept = createAccept({
    inbox: store.inbox,
    hub,
    early,
    conversations,
    pairing,
    senderEcho: config.senderEcho,
    maxPayload: config.maxPayload,
    onAccepted: traces.accepted,
    onDuplicate: () => metrics.duplicates.inc({ kind: 'notify' }),
  });
  const sends = createUnderWay();
  const clientSend =
    config.clientSend === 'instant'
      ? createInstant({ accept, conversations, pairing })
      : config.clientSend === 'persist' && backend !== undefined
        ? createPersist(backend, createDeliverLater(accept, sends, log))
        : hold;
  const devices = createDeviceCookies(config.secret, config.previousSecret);
  const registration = createRegistration({
    tokens: config.identity.includes('token') ? tokens : undefined,
    sessions: config.identity.includes('session') && backend !== undefined ? createSessions(backend) : undefined,
    claims: config.identity.includes('claim') ? createClaims(store.devices) : undefined,
    onMismatch(claimed, { user, proof }) {
      metrics.identityMismatches.inc();
      log.warn({ claimed, user, proof }, 'a page claimed another user than its proof says');
    },
  });
  const membership = createMembership({
    replica: store.replica,
    attaching,
    log,
    onLeft: ({ outlet }) => watching.forget(outlet.pipe),
  });
  const shapes = createShapeCollector();
  const notifier = createLegacyNotifier({
    allowed: createAddressList(config.legacyNotifiers),
    names: config.legacyFields,
    accept: acceptLegacy(accept, () => metrics.legacyNotifies.inc()),
    shapes,
    log,
    maxPayload: config.maxPayload,
    trustedProxies,
  });
  const emitters =
    config.emitterKey === undefined || config.redisUrl === undefined
      ? undefined
      : createEmitterIngress({
          subscriber: connect(config.redisUrl, 'subscriber'),
          key: config.emitterKey,
          signal: hub.signal,
          conversations,
          maxPayload: config.maxPayload,
          log,
        });
  const listener = createListener({ certFile: config.tlsCertFile, keyFile: config.tlsKeyFile, log });
  let internalUrl = '';
  const tryPage = config.production
    ? undefined
    : createTryPage({ tokens, inbox: store.inbox, conversations, accept, traces, internalUrl: () => internalUrl });
  const onUnknown = createUnknownEvents({ shapes, log, onEvent: () => metrics.unknownEvents.inc() });
  const publicServer = await createPublicServer({
    config,
    listener,
    origins,
    trustedProxies,
    // a session's cookies may change between two connections, by those of statistics for one
    devices: registration.readsCookies ? devices : undefined,
    registration,
    membership,
    handle: createHandlers({
      registration,
      membership,
      signals,
      watching,
      clientSend: (user, payload) => sends.track(clientSend(user, payload)),
      backend,
      backendEvents: config.backendEvents,
      onUnknown,
    }),
    onUnknown,
    pageNames: createPageNames(config.legacyFields),
    notifier,
    hub,
    confirmer,
    tryPage,
    metrics,
    log,
  });
  const isDraining = () => publicServer.drain.started;
  const readings = {
    connections: publicServer.connections,
    registeredUsers: () => [...hub.users()].length,
    unconfirmed: () => countUnconfirmed(hub),
    store: routes.health,
  };
  addReadings(metrics, readings);
  const stats = createStats({ metrics, readings, store, isDraining, log });
  const internalServer = await createInternalServer({
    config,
    tokens,
    accept,
    presence,
    inbox: store.inbox,
    routes,
    traces,
    metrics,
    shapes,
    isDraining,
    stats,
    log,
  });

  async function lastSends(): Promise<void> {
    if (sends.count === 0) return;
    log.info({ messages: sends.count }, 'stopping: messages of pages are under way');
    await sends.ended(LAST_SENDS);
    if (sends.count > 0) log.warn({ messages: sends.count }, 'stopping: messages of pages were not delivered any more');
  }

  return {
    replica: store.replica,
    async listen() {
      await stats.history.start();
      await store.open({
        onMessage: hub.receive,
        onSignal: hub.signal,
        onPresence: watching.changed,
        onMembers: conversations.changed,
        onQuestion: createQuestions({
          answers: attaching.answersHere,
          takenForDead: attaching.takenForDead,
          disconnect: publicServer.disconnect,
          trace: traces.here,
          stats: stats.now,
        }),
        load: stats.load,
        onAway: attaching.away,
        onRestored() {
          conversations.restore();
          const announced = attaching.restore();
          early.restoring(announced);
          Promise.all([announced, watching.restore()]).catch((error: unknown) =>
            log.warn({ err: error }, 'store: sockets not announced again yet'),
          );
        },
      });
      await emitters?.open();
      // last, since PHP forgets what a relay took that then does not start
      const publicUrl = await publicServer.listen();
      internalUrl = await internalServer.listen();
      return { public: publicUrl, internal: internalUrl };
    },
    curl: () => tryPage?.curl(),
    reload(next) {
      tokens.rekey(next.secret, next.previousSecret);
      devices.rekey(next.secret, next.previousSecret);
      origins.replace(next.allowedOrigins);
      listener.reload();
    },
    async close() {
      await publicServer.drain.run();
      await publicServer.close();
      await lastSends();
      await internalServer.close();
      await emitters?.close();
      await confirmer.close();
      await attaching.idle();
      stats.history.stop();
      await store.close();
    },
  };
}

function countUnconfirmed(hub: Hub): number {
  let count = 0;
  for (const user of hub.users()) for (const outlet of hub.outlets(user)) count += outlet.unconfirmed.length;
  return count;
}
