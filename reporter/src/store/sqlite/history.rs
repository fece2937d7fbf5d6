//! What was done, remembered.

mod read;
