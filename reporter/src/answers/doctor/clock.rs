//! Whether the clock is kept right by somebody.

use super::{finding::Finding, host::NotSaid, looking::Looking};

const AREA: &str = "clock";

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    let shown = ["show", "--property=NTPSynchronized", "--value"];
    let said = looking.host.ask("timedatectl", &shown);
    if let Ok(said) = &said {
        match said.trim() {
            "yes" => return vec![Finding::ok(AREA, "synchronised")],
            "no" => {
                return vec![Finding::warn(
                    AREA,
                    "not synchronised: days end at the wrong time, and after a jump the reporter waits",
                    "apt-get install systemd-timesyncd && timedatectl set-ntp true",
                )];
            }
            _ => {}
        }
    }
    match looking.host.ask("chronyc", &["-n", "tracking"]) {
        Ok(said) if said.contains("Leap status     : Normal") => {
            return vec![Finding::ok(AREA, "synchronised, by chrony")];
        }
        Ok(said) if said.contains("Not synchronised") => {
            return vec![Finding::warn(
                AREA,
                "not synchronised, says chrony",
                "chronyc sources",
            )];
        }
        _ => {}
    }
    let why = match said {
        Err(NotSaid::Missing) => "neither timedatectl nor chronyc is here".to_owned(),
        Err(other) => format!("timedatectl: {other}"),
        Ok(_) => "timedatectl does not say".to_owned(),
    };
    vec![Finding::unknown(
        AREA,
        format!("whether it is synchronised: {why}"),
        "see what keeps it: ps -e | grep -E 'ntpd|chronyd|timesyncd'",
    )]
}
