"""The commented example that `siplab init` writes."""

from __future__ import annotations

EXAMPLE = """\
# A load plan. `siplab check FILE` tells what is wrong with it, `siplab load FILE` runs it.

name = "A busy hour at the claims line"
target = "self"               # self: a node of its own with these people; http://HOST:PORT: a running node (with
                              # --logins); sip:HOST:PORT: any SIP server, then without the tables about people
seed = 1                      # the same seed gives the same calls, habits and weather

[run]                         # hard limits; nothing goes beyond them
duration_s = 60               # no call begins later
max_calls = 300
max_calls_per_s = 10
max_concurrent = 100
workers = 1                   # processes; one carries 600 calls

[customers]
number = "5001"               # whom they call
caller = "+385915551"         # their numbers begin like this
codec = "PCMU"                # or PCMA, G722, opus
transport = "udp"             # or tcp, tls
srtp = false                  # only encrypted sound (SDES)
answer_timeout_s = 30         # then they give up

[[customers.mix]]             # leave the mix out, and all are as above
part = 8                      # eight of ten …
codec = "PCMU"

[[customers.mix]]
part = 2                      # … and two of ten
codec = "PCMA"
transport = "tls"
srtp = true

[arrivals]                    # kinds: constant, poisson, morning_peak, burst, replay
kind = "burst"
rate_per_s = 0.3
factor = 3                    # three times as many …
at_s = 20                     # … from here …
for_s = 10                    # … for so long
# kind = "constant"           # with rate_per_s
# kind = "poisson"            # with rate_per_s
# kind = "morning_peak"       # with peak_per_s = 3.0
# kind = "replay"             # with file = "calls.csv", columns at_s and talk_s

[talk]                        # kinds: fixed, exponential, lognormal
kind = "lognormal"            # with agents: how long these talk with the customer before they end or escalate
mean_s = 6
sigma = 0.5

[audio]
hears = "sound"               # echo: his own tone comes back; sound: anything; nothing: not judged
max_silence_ms = 1000

[agents]                      # without it the customers just talk to whatever answers
count = 6
sipp = 0                      # so many of them have SIPp as their phone
answers_after_s = 0.4
wrap_up_s = 1

[escalations]
percent = 50                  # of the calls
skill = ""                    # empty: the skills of the queue
together_s = 4                # three talk, then the agent leaves …
alone_s = 1                   # … and specialist and customer talk on
when_nobody = "callback"      # what the agent chooses: wait, callback, task

[specialists]
count = 5
dead = 1                      # phones of so many registered, and are gone
lifting_accepts = true        # false: they must click Accept besides
answers_after = { kind = "lognormal", mean_s = 2.5, sigma = 0.4 }
back_after_s = 5              # who let it ring twice says so long after: I am here

[specialists.mix]             # what one does when his phone rings, in parts, drawn for every ring
answers = 8
declines = 1
busy = 0
never = 1
mailbox = 0                   # a machine answers at once
forwards = 0                  # 302

[presence]                    # over MQTT
every_s = 10                  # each says something new, on average
away_percent = 10
people = 20                   # colleagues without phones who do the same

[network]                     # weather on the customers' sound, both ways
loss_percent = 0.5
delay_ms = 0
jitter_ms = 4
reorder_percent = 0
calls_percent = 20            # so many of the calls suffer from it

[expect]                      # when the run has passed; leave out what shall not be judged
answered_percent = 99
setup_p95_ms = 500
mos_p5 = 3.5
one_way_calls = 0
deaf_calls = 0                # somebody did not hear somebody
promises_broken = 0           # N1, N2, N3, N8
handover_p95_s = 20           # from the request to a person or a promise
"""
