"""Icons, sounds, fonts, translations, themes and receipt templates, each with its origin and licence.

Imports none of our rooms: it finds and hands out files.
"""
