"""The code that callers and workers of a team run: posting of work, claims, barriers and sleep.

A team is one caller and its workers, which share a few words of memory. Work is a step: an entry (machine code), its
table of arguments and bounds that split it into parts, at most 32. The caller posts a step, takes parts itself until
none is left, and waits until all are done. So it never waits for a worker that has not begun: on a busy machine, where
workers come late or not at all, it does everything itself.

**The ticket.** One word says what there is to do: the number of the step above, and a bit for each part that nobody has
claimed below. A claim is a compare-and-exchange that clears a bit. Bit k is for worker k as long as it comes first, so
that the same rows stay in the same cache from one step to the next.

**Why there is no race.**

1. What the caller wrote before it posted (the step's fields, arguments, results of earlier steps) is seen by whoever
   claims a part. The ticket is stored with release order or stronger; the worker loads it with acquire order. Claims
   by others in between are read-modify-writes, which continue the caller's release sequence.
2. A worker reads the fields of a step between loading the ticket and its claim, and uses them only if the claim
   succeeds. The fields are written anew only after the caller has seen that all parts are done, this one included, that
   is after the claim. So what a successful claim has read belongs to its step. What an unsuccessful one has read is not
   used. All accesses to them are atomic (relaxed), so even a useless read is defined.
3. The number of the step makes each ticket unique, so that no claim can succeed on a later step that has the same open
   bits. It returns to the same value after 2**32 steps, that is not while a worker stands between two instructions for
   less than an hour of nothing but empty steps.
4. What a worker wrote is seen by the caller after the barrier: it adds to the counter of parts that are done with
   release order, and the caller loads the counter with acquire order until it has its final value; all other writes to
   it are read-modify-writes of the same sequence.
5. No wake-up is lost. A worker that goes to sleep adds to the number of sleepers, then looks at the ticket again; the
   caller stores the ticket, then looks at the number of sleepers. All four are sequentially consistent, so at least one
   of them sees the other. If the caller sees the sleeper it takes the mutex, which the sleeper holds from before it
   counts itself until it waits, so the signal comes when it waits.
6. Two callers: the first that exchanges the owner's word has the team, the other does all parts by itself. The owner's
   word is set back with release order and taken with acquire order, so what one caller did with the words of the team
   happens before what the next one does.

Which thread does a part has no influence on results: a part knows its number.
"""

from __future__ import annotations

__all__ = [
    "BYTES",
    "CLOCK",
    "CONDITION",
    "FUNCTIONS",
    "LIMIT",
    "MUTEX",
    "PATIENCE",
    "RUN",
    "SERVE",
    "SPIN",
    "STEP_WORDS",
    "STOP",
]

#: Parts that a step has at most.
LIMIT = 32
#: Words that a step takes in a segment: entry, table, bounds, number of parts.
STEP_WORDS = 4

# Offsets in bytes. What different threads write lies in different pairs of lines of the cache.
_TICKET, _DONE, _OWNER, _SLEEPERS, _ENTRY, _STATUS, STOP = 0, 128, 256, 384, 512, 640, 768
_TABLE, _BOUNDS = _ENTRY + 8, _ENTRY + 16
#: Nanoseconds without work until a worker lets others run between two looks, and until it sleeps; number of the clock.
SPIN, PATIENCE, CLOCK = STOP + 8, STOP + 16, STOP + 24
#: Addresses of these.
FUNCTIONS = {
    name: STOP + 32 + 8 * i
    for i, name in enumerate(
        [
            "sched_yield",
            "clock_gettime",
            "pthread_mutex_lock",
            "pthread_mutex_unlock",
            "pthread_cond_wait",
            "pthread_cond_broadcast",
        ]
    )
}
_YIELD, _TIME, _LOCK, _UNLOCK, _WAIT, _BROADCAST = FUNCTIONS.values()
#: The mutex, the condition, and what time it is for each worker, two words.
MUTEX, CONDITION, _NOW = 1024, 1280, 1536
BYTES = _NOW + 128 * LIMIT

_OPEN = 0xFFFFFFFF
# How often a caller looks whether all is done before it lets others run between two looks: some 50 microseconds.
_LOOKS = 1500

#: ``serve(team, me)``: what worker `me` does until the team ends; the result is 0.
SERVE = f"""
def loop(team, me):
    looked = 0
    since = i8(-1)
    waited = i8(0)
    now = team + {_NOW} + 128 * me
    while True:
        ticket = load_acquire(team + {_TICKET})
        left = ticket & {_OPEN}
        if left != 0:
            looked = 0
            since = i8(-1)
            waited = i8(0)
            bit = i8(1) << me
            part = me
            if left & bit == 0:
                bit = left & -left
                part = 0
                while (bit >> part) != 1:
                    part += 1
            # Before the claim; point 2 says why.
            entry = load_relaxed(team + {_ENTRY})
            table = load_relaxed(team + {_TABLE})
            bounds = load_relaxed(team + {_BOUNDS}) + 8 * part
            if exchange_if(team + {_TICKET}, ticket, ticket ^ bit):
                status = call_entry(entry, load_relaxed(bounds), load_relaxed(bounds + 8), part, table)
                if status != 0:
                    store_relaxed(team + {_STATUS}, status)
                add_ordered(team + {_DONE}, 1)
            continue
        if load_acquire(team + {STOP}) != 0:
            return 0
        if waited < load_relaxed(team + {SPIN}):
            pause()
        elif waited < load_relaxed(team + {PATIENCE}):
            call_nothing(load_relaxed(team + {_YIELD}))
        else:
            call_one(load_relaxed(team + {_LOCK}), team + {MUTEX})
            add_ordered(team + {_SLEEPERS}, 1)
            if load_ordered(team + {_TICKET}) & {_OPEN} == 0 and load_ordered(team + {STOP}) == 0:
                call_two(load_relaxed(team + {_WAIT}), team + {CONDITION}, team + {MUTEX})
            add_ordered(team + {_SLEEPERS}, -1)
            call_one(load_relaxed(team + {_UNLOCK}), team + {MUTEX})
            since = i8(-1)
            waited = i8(0)
        looked += 1
        if looked % 16 == 0:
            call_two(load_relaxed(team + {_TIME}), load_relaxed(team + {CLOCK}), now)
            time = load_relaxed(now) * 1000000000 + load_relaxed(now + 8)
            since = time if since < 0 else since
            waited = time - since
"""

_WAKE = f"""
        if load_ordered(team + {_SLEEPERS}) != 0:
            call_one(load_relaxed(team + {_LOCK}), team + {MUTEX})
            call_one(load_relaxed(team + {_BROADCAST}), team + {CONDITION})
            call_one(load_relaxed(team + {_UNLOCK}), team + {MUTEX})
"""

#: ``run(team, segment)``: the steps of a segment, one after the other; `team` is 0 where there is none. The result is
#: the status of the first part that failed, or 0. A segment is the number of steps, whether any has parts, the steps.
RUN = f"""
def loop(team, segment):
    taken = False
    if team != 0 and load_relaxed(segment + 8) != 0:
        taken = exchange_if(team + {_OWNER}, 0, 1)
    if taken:
        # Those who sleep wake up while this thread does what comes first.{_WAKE}
    status = i8(0)
    step = segment + 16
    end = step + {8 * STEP_WORDS} * load_relaxed(segment)
    while step < end and status == 0:
        entry = load_relaxed(step)
        table = load_relaxed(step + 8)
        bounds = load_relaxed(step + 16)
        parts = load_relaxed(step + 24)
        step += {8 * STEP_WORDS}
        if parts == 1 or not taken:
            for p in range(parts):
                at = bounds + 8 * p
                failed = call_entry(entry, load_relaxed(at), load_relaxed(at + 8), p, table)
                status = failed if status == 0 else status
            continue
        store_relaxed(team + {_ENTRY}, entry)
        store_relaxed(team + {_TABLE}, table)
        store_relaxed(team + {_BOUNDS}, bounds)
        store_relaxed(team + {_STATUS}, 0)
        store_relaxed(team + {_DONE}, 0)
        ticket = ((load_relaxed(team + {_TICKET}) >> 32) + 1) << 32
        # The first part is this thread's.
        store_ordered(team + {_TICKET}, ticket | ((i8(1) << parts) - 2)){_WAKE}
        part = i8(0)
        mine = i8(0)
        while part >= 0:
            at = bounds + 8 * part
            failed = call_entry(entry, load_relaxed(at), load_relaxed(at + 8), part, table)
            status = failed if status == 0 else status
            mine += 1
            part = i8(-1)
            while part < 0:
                ticket = load_acquire(team + {_TICKET})
                left = ticket & {_OPEN}
                if left == 0:
                    break
                bit = left & -left
                if exchange_if(team + {_TICKET}, ticket, ticket ^ bit):
                    part = 0
                    while (bit >> part) != 1:
                        part += 1
        looked = 0
        while load_acquire(team + {_DONE}) != parts - mine:
            looked += 1
            if looked <= {_LOOKS}:
                pause()
            else:
                call_nothing(load_relaxed(team + {_YIELD}))
        if status == 0:
            status = load_relaxed(team + {_STATUS})
    if taken:
        store_release(team + {_OWNER}, 0)
    return status
"""
