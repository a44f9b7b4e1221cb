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
  /** State and auth chain of a small room: up to this many events and JSON characters a join's answer holds them whole. */
  eventsOfSmallRoom: 400,
  charsOfSmallRoom: 1024 * 1024,
  /** Packed ids (43 characters each) in one page of a manifest; a manifest of no more comes with the join's answer. */
  idsPerPage: 20_000,
  /** Events that come beside a manifest: those that authorise the join, mostly. */
  eventsBesideManifest: 50,
  /** State events in one answer by id, and their JSON characters; at least one event is always given. */
  stateEventsPerPage: 250,
  charsPerStatePage: 1024 * 1024,
  /** What one server may ask of these in an hour: a few of the largest rooms. */
  manifestsPerHour: 120,
  stateEventsPerHour: 1_000_000,
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
  /** What one server may cost in an hour: fetched from it, and served to it. A year of a busy room is some 500,000 events. */
  fetchedPerHour: { requests: 20_000, events: 1_000_000, bytes: 4 * 1024 * 1024 * 1024 },
  servedPerHour: { requests: 60_000, events: 2_000_000, bytes: 8 * 1024 * 1024 * 1024 },
  /** Auth chain that one `event_auth` answer may bring; a longer one comes by `state`. */
  authChainPerFetch: 20_000,
  bytesPerAuthChain: 16 * 1024 * 1024,
  /** Time that catching up by one server's answers may take before the others have their turn (milliseconds). */
  fetchPatience: 60_000,
  pullPatience: 5 * 60_000,
  /** Events whose redacted form alone came: kept, of them noted because of one server, asked at once, servers asked. */
  incompleteKept: 2_000,
  incompletePerServer: 500,
  incompleteAskedAtOnce: 20,
  incompleteAsked: 8,
  /** Members asked for the whole form of a pushed event whose content does not match its hash. */
  wholeFormAsked: 2,
  /** Fetches in vain that the events of one server may cost per minute; beyond, its events are parked unasked. */
  vainFetchesPerMinute: 20,
  /** Events of a room that wait in line for its one fetch; beyond, they are parked at once. */
  waitingForFetch: 32,
  /** Attempts to fetch what a parked event waits for; then it is dropped. */
  parkedAttempts: 4,
  /** Answers of history in one attempt to complete a room; attempts in vain until others' word is taken for what is missing. */
  completionRounds: 60,
  completionAttempts: 3,
  /** Between attempts in vain to complete a room: doubles up to the longest (milliseconds). */
  completionInterval: 30_000,
  completionIntervalMax: 3_600_000,
  /** Rooms whose attempts are remembered (the least recent dropped first). */
  completionsRemembered: 1_000,
  /** Auth events fetched for one event. */
  authEventsPerFetch: 500,
  /** Extremities that a server named and that did not come in this many comparisons with it are no longer asked of it. */
  extremityAttempts: 3,
  /** Of those, how many are kept per server, and for how many servers (the least recent dropped first). */
  extremitiesGivenUp: 1_000,
  serversGivenUpOn: 256,
  /** Comparisons that a room sits out with a server after comparisons in vain: doubles up to this. */
  vainComparisonsMax: 64,
  /** Extremities asked for by id after a pull did not bring them. */
  extremitiesAsked: 10,
  /** Times in an hour that a server's own comparison makes us compare with it. */
  askBacksPerHour: 1_200,
  /** Forward extremities beyond which a room is merged by a dummy event, in turn (see `merge-extremities.ts`). */
  extremitiesTolerated: 10,
  mergesPerBeat: 20,

  /** Questions for a server's keys that are remembered, and the time before one is asked again (milliseconds). */
  keyQuestionsRemembered: 4_096,
  keyRetryInterval: 60_000,

  /** Rooms compared in one exchange of extremities. */
  roomsPerDigest: 500,
  /** Up to so many rooms are compared one by one; more are first compared in 64 groups. */
  roomsWithoutBuckets: 64,
  extremitiesPerRoom: 50,
  /** Leaves that the current state refuses, named beside them: as many as a room keeps. */
  refusedLeavesPerRoom: 100,
  /** Users of a removed server that are looked through for removals, and removals that it is told of; answers of that kind an hour. */
  membersToldOf: 1_000,
  removalsTold: 20,
  removalsToldPerHour: 60,
  removalsHeardPerHour: 60,
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

  /** Bytes of one page of a manifest, or of state events with keys: within what a relay passes on. */
  bytesPerPage: 3 * 1024 * 1024,
  /** Servers asked for the events of one join, and for what they hold for its state. */
  serversPerJoin: 16,
  serversPerCrossCheck: 3,
  /** Messages before a join that are fetched at once. */
  eventsAfterJoin: 40,
  /** Servers of the room that a join under way keeps for that. */
  serversRemembered: 256,
  /** Refusals and failures in a row after which a join no longer asks a server. */
  joinStrikes: 8,

  /** Milliseconds. A page that takes this long is asked of another server too. */
  joinHedgeAfter: 1_500,
  /** Before a server is asked again that does not know of the join yet, and one that failed (doubles, five times). */
  joinRetryMember: 500,
  joinRetry: 1_000,
  /** Waits between questions to members that do not know of the join yet, for what they hold for the state before it. */
  crossCheckWaits: [40, 120, 400],
  crossCheckTimeout: 2_000,
  /** A join that has not come to its end after this is given up; also over restarts. */
  joinGivenUpAfter: 24 * 3_600_000,
  /** Between attempts to go on with a join after a restart. */
  joinResumeInterval: 30_000,

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
