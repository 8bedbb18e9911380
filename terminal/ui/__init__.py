"""The screen: Qt widgets that show view states and emit intents. The only folder that imports Qt.

Rules: no I/O on the screen's thread; no `if` about money in a widget; every text comes from the catalogue; the keyboard
focus never leaves one plain widget that no input method reaches.
"""
