//! What is odd in a datagram that is counted all the same.

/// One kind of anomaly. The set is small and fixed: each is a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// A text was not UTF-8; the bytes were replaced.
    InvalidUtf8,
    /// The JSON had raw control characters or halves of surrogate pairs; they were replaced.
    Mended,
    /// `dpv` is not "1".
    ProtocolVersion,
    /// `pr` is missing: the TXT record is unknown.
    NoTxt,
    /// `policy-type` is unknown; counted as 9, no policy found.
    PolicyType,
    /// `policy-domain` is no domain; the datagram's domain stands for it.
    PolicyDomain,
    /// `t` differs from the number of failure details.
    FailureCount,
    /// `f` is neither 0 nor 1.
    FinalResult,
    /// A failure code is missing or unknown; counted as validation-failure.
    FailureCode,
    /// A value has another type than it should have; it was left out.
    WrongType,
    /// Something was longer than allowed; it was cut.
    Clipped,
}

impl Anomaly {
    /// All of them.
    pub const ALL: [Anomaly; 11] = [
        Anomaly::InvalidUtf8,
        Anomaly::Mended,
        Anomaly::ProtocolVersion,
        Anomaly::NoTxt,
        Anomaly::PolicyType,
        Anomaly::PolicyDomain,
        Anomaly::FailureCount,
        Anomaly::FinalResult,
        Anomaly::FailureCode,
        Anomaly::WrongType,
        Anomaly::Clipped,
    ];

    /// Its name, for counters and logs.
    pub fn name(self) -> &'static str {
        match self {
            Anomaly::InvalidUtf8 => "invalid-utf8",
            Anomaly::Mended => "mended",
            Anomaly::ProtocolVersion => "protocol-version",
            Anomaly::NoTxt => "no-txt",
            Anomaly::PolicyType => "policy-type",
            Anomaly::PolicyDomain => "policy-domain",
            Anomaly::FailureCount => "failure-count",
            Anomaly::FinalResult => "final-result",
            Anomaly::FailureCode => "failure-code",
            Anomaly::WrongType => "wrong-type",
            Anomaly::Clipped => "clipped",
        }
    }
}
