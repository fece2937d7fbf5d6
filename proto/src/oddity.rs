//! What is odd in a datagram that is counted all the same.

/// One kind of oddity. The set is small and fixed: each is a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
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

impl Oddity {
    /// All of them.
    pub const ALL: [Oddity; 11] = [
        Oddity::InvalidUtf8,
        Oddity::Mended,
        Oddity::ProtocolVersion,
        Oddity::NoTxt,
        Oddity::PolicyType,
        Oddity::PolicyDomain,
        Oddity::FailureCount,
        Oddity::FinalResult,
        Oddity::FailureCode,
        Oddity::WrongType,
        Oddity::Clipped,
    ];

    /// Its name, for counters and logs.
    pub fn name(self) -> &'static str {
        match self {
            Oddity::InvalidUtf8 => "invalid-utf8",
            Oddity::Mended => "mended",
            Oddity::ProtocolVersion => "protocol-version",
            Oddity::NoTxt => "no-txt",
            Oddity::PolicyType => "policy-type",
            Oddity::PolicyDomain => "policy-domain",
            Oddity::FailureCount => "failure-count",
            Oddity::FinalResult => "final-result",
            Oddity::FailureCode => "failure-code",
            Oddity::WrongType => "wrong-type",
            Oddity::Clipped => "clipped",
        }
    }
}
