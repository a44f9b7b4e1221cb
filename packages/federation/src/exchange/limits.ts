/**
 * Every bound of `exchange/` in one place. Those with a section are the spec's; the others are chosen so that one
 * peer costs at most a few megabytes and a few requests at a time, while a day's absence from a busy room is still
 * caught up with.
 */
export const limits = {
  /** Server-server API, "Transactions". */
  pdusPerTransaction: 50,
  edusPerTransaction: 100,
  /** Transactions remembered, so that a repeated one gets the same answer; the oldest is dropped first. */
  transactionsRemembered: 1_000,

  /** Events in one answer to `backfill`, `get_missing_events` and the events of anti-entropy. */
  eventsPerAnswer: 100,
  /** JSON characters of events in such an answer; at least one event is always given. */
  charsPerAnswer: 2 * 1024 * 1024,
  /** Ids that a request may name (`v`, `latest_events`, `earliest_events`). */
  idsPerRequest: 64,
  /** Events that one answer's walk may read before it stops. */
  eventsPerWalk: 2_000,
  /** State and auth chain events that a join may bring or give. Matrix HQ has some 150,000 members. */
  eventsPerState: 200_000,
  bytesPerStateAnswer: 64 * 1024 * 1024,
  bytesPerEventsAnswer: 8 * 1024 * 1024,
  bytesPerSmallAnswer: 512 * 1024,

  /** Stripped state that comes with an invite or knock: more entries or a larger one is cut off. */
  strippedEvents: 32,
  strippedChars: 64 * 1024,
  /** Invites that one server may bring in an hour; all servers that share no room with us together; open ones of a user. */
  invitesPerHour: 100,
  strangersInvitesPerHour: 300,
  openInvites: 500,
  /** One-time keys that one server may claim in an hour: a large meeting's worth. A device has a hundred or so. */
  keyClaimsPerHour: 600,
  /** Servers that such quotas are counted for (least recent dropped first). */
  quotasCounted: 1_000,

  /** Servers asked for one membership change, and for one missing event. */
  serversPerChange: 8,
  serversPerFetch: 4,
  /** Requests under way to one server; more wait in line, and beyond `waitingPerServer` are refused. */
  requestsPerServer: 4,
  waitingPerServer: 64,

  /** Rounds of `get_missing_events` for one event and server. */
  missingRounds: 4,
  /** Events fetched from one server per minute because of what it or another brought (`bad input 53`). */
  fetchedEventsPerMinute: 20_000,
  /** Events that wait for parents: per room, per sending server in a room, and in all rooms together. */
  parkedPerRoom: 200,
  parkedPerSender: 50,
  parkedInAll: 2_000,
  /** Fetches in vain that the events of one server may cost per minute; beyond, its events are parked unasked. */
  vainFetchesPerMinute: 20,
  /** Events of a room that wait in line for its one fetch; beyond, they are parked at once. */
  waitingForFetch: 32,
  /** Attempts to fetch what a parked event waits for; then it is dropped. */
  parkedAttempts: 4,
  /** Auth events fetched for one event. */
  authEventsPerFetch: 500,
  /** Extremities of others that did not come in this many comparisons are no longer asked for, and how many are kept. */
  extremityAttempts: 3,
  extremitiesGivenUp: 10_000,

  /** Questions for a server's keys that are remembered, and the time before one is asked again (milliseconds). */
  keyQuestionsRemembered: 4_096,
  keyRetryInterval: 60_000,

  /** Rooms compared in one exchange of extremities. */
  roomsPerDigest: 500,
  extremitiesPerRoom: 50,
  /** Own events that one side names so that the other finds where both still agree. */
  haveSample: 64,
  /** Events that a plan of anti-entropy may hold; a longer gap is bridged by state at its near end. */
  eventsPerPlan: 20_000,
  /** Events that plans for one server may name per minute; beyond, it is answered 429. */
  plannedEventsPerMinute: 100_000,
  /** Plans kept between steps; the least recently used is dropped first. */
  plansKept: 16,
  /** Steps of one pull. `eventsPerAnswer` times this is what one meeting can bring. */
  stepsPerPull: 400,

  /** Milliseconds. */
  makeTimeout: 15_000,
  sendTimeout: 60_000,
  inviteTimeout: 10_000,
  leaveTimeout: 10_000,
  fetchTimeout: 10_000,
  historyTimeout: 8_000,
  /** Quiet time between two comparisons with the same server. */
  heartbeatInterval: 60_000,
  /** Share of the interval by which a heartbeat may come earlier or later. */
  heartbeatJitter: 0.3,
  /** Time that answers to a server's own digests are gathered for before it is asked back. */
  askBackDelay: 200,
} as const
