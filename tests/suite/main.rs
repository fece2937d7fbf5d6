//! End-to-end tests over the real programs. One binary, one module a subject.

mod arrows;
mod harness;
