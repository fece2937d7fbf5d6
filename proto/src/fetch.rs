//! A closed day's counts as lines between two hosts.
