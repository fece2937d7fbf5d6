//! What a monitoring system reads of tlsrptd: the names of all metrics, their texts, and the figures of a collector.
//!
//! 1. [`family`] is the table of all metrics, with units and help;
//! 2. an [`exposition::Exposition`] gathers their values;
//! 3. [`form`] is how the text is written: OpenMetrics, or the older text format of Prometheus;
//! 4. [`collector`] takes a collector's figures from what it says of itself (tlsrpt-observe(5)): the collector does so for its
//!    `stats_file`, and `tlsrptctl metrics` and `tlsrpt-statusd` for every collector that they ask.
//!
//! No label ever holds what a stranger chose: the values of a label are words of ours, of RFC 8460, or of the operator.

#![forbid(unsafe_code)]

pub mod collector;
pub mod exposition;
pub mod family;
pub mod form;
