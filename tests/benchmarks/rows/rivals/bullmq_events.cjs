// Counts what a queue's events tell, as `write` in consumer.py does: node bullmq_events.cjs URL QUEUE EVENTS
// Prints the seconds from the listener's creation until all that so many events change is written.
const { QueueEvents } = require("bullmq");
const Redis = require("ioredis");

const [url, queue, most] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const connection = new Redis(url, { maxRetriesPerRequest: null });
const writer = new Redis(url);
let seen = 0;
let written = 0;
const begun = process.hrtime.bigint();
const events = new QueueEvents(queue, { connection, lastEventId: "0" });

function listen(event, change) {
  events.on(event, async (facts) => {
    if (++seen > most) return;
    const [name, id] = facts.jobId.split("~");
    const multi = writer.multi();
    change(multi, name, id, JSON.stringify({ event, ...facts }));
    await multi.exec();
    if (++written === most) end();
  });
}

function completion(outcome, isFailure) {
  return (multi, name, id, record) => {
    multi.hdel("rival:in_flight", id);
    multi.hincrby("rival:totals", outcome, 1).hincrby(`rival:action:${name}`, outcome, 1);
    multi.lpush("rival:executions", record).ltrim("rival:executions", 0, 999);
    multi.lpush(`rival:executions:${name}`, record).ltrim(`rival:executions:${name}`, 0, 99);
    if (isFailure) multi.lpush("rival:failures", record).ltrim("rival:failures", 0, 999);
  };
}

function end() {
  console.log(Number(process.hrtime.bigint() - begun) / 1e9);
  process.exit(0);
}

listen("active", (multi, _name, id, record) => multi.hset("rival:in_flight", id, record));
listen("completed", completion("successes", false));
listen("failed", completion("failures", true));
