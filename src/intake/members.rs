//! What the members of an archive come to together. Pure.

use super::Assessment;
use crate::formats::{self, Outcome};
use crate::store::Verdict;
use crate::store::members::Member;

/// What is written down of a member.
pub fn judge(member: &formats::Member) -> Member {
    let (verdict, reason) = match member.reading.outcome() {
        Outcome::Ok(salvaged) => (Verdict::Known, salvaged),
        Outcome::NoSession(reason) => (Verdict::NoSession, Some(reason)),
        Outcome::Error(reason) => (Verdict::Rejected, Some(reason)),
    };
    Member { name: member.name.clone(), format: member.reading.format, verdict, reason }
}

/// Judges an archive by its members. Files that are none of ours say nothing against it; `flaw` is what is wrong with the
/// archive itself, if anything.
pub fn assess(members: &[Member], flaw: Option<&str>) -> Assessment {
    let count = |verdict: Verdict| members.iter().filter(|member| member.verdict == verdict).count();
    let (read, rejected) = (count(Verdict::Known), count(Verdict::Rejected));
    let first = |verdict: Verdict| {
        let member = members.iter().find(|member| member.verdict == verdict)?;
        Some(format!("{}: {}", member.name, member.reason.as_deref().unwrap_or("no reason")))
    };
    let mut parts: Vec<String> = flaw.map(str::to_owned).into_iter().collect();
    if let Some(first) = first(Verdict::Rejected) {
        let number = |number: usize| grouped(number);
        let all = number(members.len());
        parts.push(format!("{} of {all} members read; {} rejected: {first}", number(read), number(rejected)));
    }
    let reason = (!parts.is_empty()).then(|| parts.join("; "));
    match (read, reason) {
        (0, Some(reason)) => Assessment::Reject(reason),
        (0, None) => match first(Verdict::NoSession) {
            Some(first) => Assessment::NoSession(format!("no member holds a workout: {first}")),
            None if members.is_empty() => Assessment::NoSession("an archive without members".to_owned()),
            None => Assessment::Ignore(format!("an archive of {} files that fitferry does not read", members.len())),
        },
        (_, reason) => Assessment::Take(reason),
    }
}

/// Thousands apart, as people write them.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(verdicts: &[(Verdict, usize)]) -> Vec<Member> {
        let of = |(verdict, count): &(Verdict, usize)| {
            let name = format!("a/{}.fit", verdict.as_str());
            let member = Member { name, format: None, verdict: *verdict, reason: Some("why".to_owned()) };
            vec![member; *count]
        };
        verdicts.iter().flat_map(of).collect()
    }

    #[test]
    fn bad_members_fail_nothing_else() {
        use Verdict as V;
        let assess = |verdicts: &[(V, usize)], flaw| assess(&members(verdicts), flaw);
        assert_eq!(assess(&[(V::Known, 3), (V::Ignored, 9)], None), Assessment::Take(None));
        let some = assess(&[(V::Known, 5000), (V::Rejected, 2)], None);
        let expected = "5,000 of 5,002 members read; 2 rejected: a/rejected.fit: why";
        assert_eq!(some, Assessment::Take(Some(expected.to_owned())));
        let broken = assess(&[(V::Known, 1)], Some("truncated: it breaks off"));
        assert_eq!(broken, Assessment::Take(Some("truncated: it breaks off".to_owned())));
        let none = "0 of 4 members read; 1 rejected: a/rejected.fit: why";
        assert_eq!(assess(&[(V::Rejected, 1), (V::Ignored, 3)], None), Assessment::Reject(none.to_owned()));
        assert_eq!(assess(&[], Some("damaged")), Assessment::Reject("damaged".to_owned()));
        assert!(matches!(assess(&[(V::NoSession, 1), (V::Ignored, 2)], None), Assessment::NoSession(_)));
        assert!(matches!(assess(&[(V::Ignored, 2)], None), Assessment::Ignore(_)));
        assert!(matches!(assess(&[], None), Assessment::NoSession(_)));
        assert_eq!([1, 999, 1000, 1_234_567].map(grouped), ["1", "999", "1,000", "1,234,567"]);
    }
}
