"""The cashier's use cases, pure: events go in, a new state, effects and a view come out.

What it must not know: Qt, clocks, disk, network, languages. `now_ms` arrives with every event.

events.py     what the screen, the gun and sync say          state.py    what the till remembers while it runs step.py
(state, event) → (state, effects)               present.py  state → what the screen shows effects.py    what has to be
done: submit, sound              ports.py    what the app needs from the rest of the till
"""
