"""What every service stands on: money, ids, time, errors, database, events, calls, web.

Owns no table of the shop and knows no shop word. Imports nothing of ours but settings.
"""
