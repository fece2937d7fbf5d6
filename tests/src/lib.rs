//! The suite over the real programs, and the harness that it is written with.
//!
//! Nothing here is simulated but the outside: the programs are those that `cargo build` made, their files and sockets are in a
//! temporary folder, and DNS, SMTP and HTTPS are small scripted servers on loopback, on ports that the kernel chose.
//! A test is a plain function. It waits for conditions and never sleeps; everything it started ends with it.
//!
//! The way through: a [`Lab`](harness::lab::Lab) is one site. It hands out configured
//! [`Program`](harness::program::Program)s, which [`start`](harness::program::Program::start) as
//! [`Running`](harness::program::Running), a sender of datagrams ([`mta`](harness::mta)), and the servers:
//! [`Dns`](harness::dns::Dns), [`Smtp`](harness::smtp::Smtp), [`Https`](harness::https::Https).
//! [`Theirs`](harness::sys4::Sys4) are the programs of others that judge the outcome;
//! [`FakeClock`](harness::clock::FakeClock) is the time of day; [`skip`](harness::skip) is for machines that lack something.
//!
//! ```no_run
//! use tlsrptd_tests::harness::{lab::Lab, mail::ReportMail, mta};
//!
//! let lab = Lab::new();
//! lab.dns.tlsrpt("example.test", "v=TLSRPTv1; rua=mailto:a@reports.test");
//! lab.collect([mta::failure("example.test", "v=TLSRPTv1; rua=mailto:a@reports.test", 203)]);
//! let reportd = lab.reportd().start();
//! let mails = lab.smtp.wait_for_mails(1);
//! assert_eq!(mails[0].to, ["a@reports.test"]);
//! let mail = ReportMail::parse(&mails[0].bytes);
//! assert_eq!(mail.report()["policies"][0]["summary"]["total-failure-session-count"], 1);
//! assert_eq!(lab.deliveries(), [("mailto:a@reports.test".to_owned(), "sent".to_owned())]);
//! reportd.stop().success();
//! ```

pub mod harness;
