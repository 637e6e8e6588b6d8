import type { WorkloadName } from '../workloads/all.js';
import { flatness, largest, linearity, type Measure, ratioTo } from './measures.js';

/** What a run is to show, with every guarantee on. */
export interface Target {
  readonly figure: string;
  readonly atMost: number;
  readonly measure: Measure;
}

/** For a timer's work that falls into the measurement, as a lease's renewal. */
const CHANCE = 0.01;

export const TARGETS: Readonly<Record<WorkloadName, readonly Target[]>> = {
  notify: [
    {
      figure: 'CPU a notify, c16 ÷ Express, secret a string',
      atMost: 0.07,
      measure: ratioTo('express-string', 'cpu', /^c16$/),
    },
    {
      figure: 'CPU a notify, c16 ÷ Express, secret a KeyObject',
      atMost: 0.25,
      measure: ratioTo('express-key', 'cpu', /^c16$/),
    },
    { figure: 'CPU a notify, c16 ÷ Fastify', atMost: 0.75, measure: ratioTo('fastify', 'cpu', /^c16$/) },
    { figure: 'CPU a notify, c16 ÷ ws (a stretch)', atMost: 1, measure: ratioTo('ws', 'cpu', /^c16$/) },
    {
      figure: 'latency c64, p99 ÷ Express, secret a KeyObject',
      atMost: 0.25,
      measure: ratioTo('express-key', 'p99', /^c64$/),
    },
    {
      figure: 'latency c1, p50 ÷ Express, secret a KeyObject',
      atMost: 0.8,
      measure: ratioTo('express-key', 'p50', /^c1$/),
    },
  ],
  fanout: [
    {
      figure: 'CPU a delivery, one socket each ÷ Express, secret a KeyObject',
      atMost: 0.75,
      measure: ratioTo('express-key', 'cpu', / 1000 sockets$/),
    },
    {
      figure: 'CPU a delivery, ten sockets each ÷ Express, secret a KeyObject',
      atMost: 0.75,
      measure: ratioTo('express-key', 'cpu', / 10000 sockets$/),
    },
  ],
  replicas: [
    {
      figure: 'CPU a notify, 4 replicas and Redis ÷ Fastify + redis-adapter',
      atMost: 0.5,
      measure: ratioTo('fastify-redis', 'cpu', /^4 /),
    },
    {
      figure: 'CPU a notify, 4 replicas and Redis ÷ Fastify + sharded redis-adapter',
      atMost: 1,
      measure: ratioTo('fastify-sharded', 'cpu', /^4 /),
    },
    { figure: 'script calls a notify, any number of replicas', atMost: 1 + CHANCE, measure: largest('scripts') },
    { figure: 'publishes a notify to who need not know of it', atMost: CHANCE, measure: largest('needless') },
  ],
  connect: [
    {
      figure: 'CPU a connect + register, WebSocket ÷ Express, secret a KeyObject',
      atMost: 1,
      measure: ratioTo('express-key', 'cpu', /WebSocket from the start$/),
    },
    {
      figure: 'CPU a connect + register, polling first ÷ Express, secret a KeyObject',
      atMost: 1,
      measure: ratioTo('express-key', 'cpu', /polling/),
    },
  ],
  idle: [
    { figure: 'memory of an idle page ÷ Express + socket.io', atMost: 0.85, measure: ratioTo('express-key', 'each') },
  ],
  growth: [
    { figure: 'CPU a notify, many users ÷ 100 users', atMost: 1.15, measure: flatness('cpu', / users$/) },
    { figure: 'CPU a notify, inboxes full ÷ not full', atMost: 1.15, measure: flatness('cpu', /full$/) },
    // the collector leaves more or less behind, and a slope is a difference: no closer than this
    {
      figure: 'memory of a further user, among many ÷ among few',
      atMost: 1.25,
      measure: linearity('users', 'resident', / users$/),
    },
    { figure: 'event-loop delay p99 while all connect, ms', atMost: 50, measure: largest('connecting') },
    { figure: 'event-loop delay p99 while notified, ms', atMost: 50, measure: largest('notifying') },
    {
      figure: 'event-loop delay p99 while all leave and come back, ms',
      atMost: 50,
      measure: largest('reconnecting'),
    },
    { figure: 'event-loop delay p99 while all go for good, ms', atMost: 50, measure: largest('leaving') },
  ],
  sweep: [
    { figure: 'event-loop delay p99 while a dead replica is swept, ms', atMost: 50, measure: largest('sweeping') },
    { figure: 'event-loop delay p99 while its users come back, ms', atMost: 50, measure: largest('returning') },
  ],
};
