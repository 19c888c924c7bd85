//! The settings as they are written: every key with its type, default, range, and what it does. The example
//! configuration and the reference are printed from here.

use super::declare::{Kind, Setting, settings, words};
use super::{Folder, Listen, Period, Redacted, RulesSettings, Size, TcpAddress};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

settings! {
    /// The settings as they are written; [`Config`](super::Config) is what is made of them.
    pub struct Settings like "state_dir = \"/var/lib/fitferry\"
timezone = \"Europe/Berlin\"
folders = [\"/srv/workouts\", { path = \"/mnt/nas/workouts\", sentinel = \".here\" }]" {
        /// Where fitferry remembers what it has seen and sent. Left out, it is what systemd gives (`$STATE_DIRECTORY`), else
        /// `~/.local/state/fitferry`. It must not lie in a watched folder.
        state_dir: Option<PathBuf>, like("\"/var/lib/fitferry\"");

        /// The local time of your workouts, for files that do not tell it and for names such as "Morning run": an IANA name
        /// like "Europe/Berlin", or "system".
        timezone: Option<String>, unit("time zone"), unset("\"system\"");

        /// The folders to watch, with everything below them: each a path, or a table that also says what is special about
        /// it. Left out, it is the folder "workouts" where fitferry is started.
        folders: Option<Vec<Folder>>, like("[\"workouts\"]");

        /// The local time of single formats, where that is another: of "strong", "hevy", "runkeeper", "garmin-activities" and
        /// others that print no zone. The timezone of a folder goes before this. After any change of time zones, types and
        /// rules the sessions are made anew from what is remembered, under the same ids.
        timezones: BTreeMap<String, String>, like("strong = \"Europe/Berlin\"");

        /// What the vendors' own words for sports mean, as numbers of the API's table of activity types, before the maps that
        /// are built in: "vendor:word", or "vendor:word/refinement". "fitferry status" lists the words nobody knows.
        types: BTreeMap<String, i64>, like("\"strava:Pickleball\" = 87\n\"fit:running/trail\" = 58");

        /// What sessions are called, what they tell, and which workouts are not sent. Sessions that the destination has
        /// already stay there.
        rules: RulesSettings;

        /// Where sessions go. Every destination but the embedded one needs a token by one of four ways: `token`, `token_file`,
        /// `token_command`, or an OAuth login. As a service, the systemd credentials "token" and "oauth-client" are found by
        /// themselves.
        destination: DestinationSettings;

        /// How new, growing and removed files are noticed.
        watch: WatchSettings;

        /// How sessions are sent.
        delivery: DeliverySettings;

        /// The destination is asked from time to time whether it still has what was delivered.
        reconcile: ReconcileSettings;

        /// The embedded sessions API. Its token is in the file `server-token` in the state directory (`server-token-NAME` for a
        /// named account).
        server: ServerSettings;

        /// The room that is left for the databases.
        disk: DiskSettings;

        /// What goes to stderr, or to the journal.
        log: LogSettings;

        /// For whoever looks whether all is well.
        monitor: MonitorSettings;

        /// A household: one table for each person, instead of "folders" at the top. What an account does not say about time
        /// zones, types, rules and destination is taken from above.
        account: Vec<AccountSettings>;
    }

    /// What belongs to one person.
    pub struct AccountSettings like "[[account]]
name = \"anna\"
folders = [\"/srv/workouts/anna\"]
rules = { notes = false }

[[account]]
name = \"ben\"
folders = [\"/srv/workouts/ben\"]
timezone = \"America/New_York\"" {
        /// Names the account in the log, in commands and in files: letters, digits, - and _, at most 64.
        name: String, like("\"anna\"");

        /// As above.
        timezone: Option<String>, unit("time zone"), like("\"Europe/Berlin\"");

        /// As above. Folders of two accounts do not lie within each other.
        folders: Vec<Folder>, like("[\"/srv/workouts/anna\"]");

        /// As above; those of the account go before those for everybody.
        timezones: BTreeMap<String, String>;

        /// As above; those of the account go before those for everybody.
        types: BTreeMap<String, i64>;

        /// As above, key by key.
        rules: RulesSettings;

        /// As above. One key of it covers the whole table for everybody.
        destination: DestinationSettings;
    }

    /// Where sessions go.
    pub struct DestinationSettings like "[destination]
url = \"https://www.googleapis.com/fitness/v1\"
token_file = \"/run/credentials/fitferry.service/token\"" {
        /// "embedded" is fitferry's own server. Any other value is the base URL of a sessions API, the part before "/users",
        /// as `https://www.googleapis.com/fitness/v1`.
        url: Option<String>, unit("URL"), unset("\"embedded\"");

        /// Tokens go over https, or stay on this machine. Only where the way is safe, in a network of your own for instance,
        /// take plain http to other hosts too.
        allow_http: bool;

        /// The bearer token itself; better as the variable `FITFERRY_DESTINATION__TOKEN` than in a file that others read.
        token: Option<Redacted>, unit("secret"), like("\"...\"");

        /// A file that holds the bearer token and nothing else.
        token_file: Option<PathBuf>, like("\"/etc/fitferry/token\"");

        /// A program and its arguments, which prints the bearer token.
        token_command: Option<Vec<String>>, like("[\"pass\", \"show\", \"fitness\"]");

        /// A login, made once by "fitferry auth login". What the provider gave you when you registered fitferry as a desktop
        /// application goes here: the JSON file that Google's console offers, or its contents by hand. Google is the
        /// provider unless you name another, by its issuer or by its endpoints.
        oauth: OAuthSettings;
    }

    /// A login at a provider.
    pub struct OAuthSettings like "[destination]
url = \"https://www.googleapis.com/fitness/v1\"

[destination.oauth]
client_file = \"/etc/fitferry/client.json\"" {
        /// The client's JSON file.
        client_file: Option<PathBuf>, like("\"/etc/fitferry/client.json\"");

        /// The client's id, if there is no such file.
        client_id: Option<String>, like("\"...\"");

        /// The client's secret, if it has one and there is no such file.
        client_secret: Option<Redacted>, unit("secret"), like("\"...\"");

        /// An OpenID provider, which tells its endpoints; instead of the three that follow.
        issuer: Option<String>, unit("URL"), like("\"https://login.example.org\"");

        /// Where a person logs in. Stands together with `token_url`.
        authorize_url: Option<String>, unit("URL"), unset("\"https://accounts.google.com/o/oauth2/v2/auth\"");

        /// Where tokens are fetched. Stands together with `authorize_url`.
        token_url: Option<String>, unit("URL"), unset("\"https://oauth2.googleapis.com/token\"");

        /// Where a login is given back. Of endpoints other than Google's there is none unless it is named.
        revoke_url: Option<String>, unit("URL"), unset("\"https://oauth2.googleapis.com/revoke\"");

        /// What the login asks to be allowed: put, list and delete sessions.
        scope: Option<String>, unset("\"https://www.googleapis.com/auth/fitness.activity.write\"");
    }

    /// How files are noticed.
    pub struct WatchSettings like "[watch]
settle = \"10s\"
removed_grace = \"7d\"" {
        /// A file whose format proves it complete (FIT, TCX, GPX, gzip) is taken at once. Others must not have changed for
        /// this long.
        settle: Period = Period::seconds(2), within("100ms", "1d");

        /// A file that is truncated, damaged, empty or of no known format may still be growing. After resting this long, what
        /// is there is taken, or the file rejected or ignored; a complete copy later replaces that. A known file that is
        /// overwritten in place and not seen to be closed, as on a network share, waits as long: half of it may be what it
        /// was before.
        salvage_after: Period = Period::seconds(600), within("100ms", "30d");

        /// How often folders are scanned besides listening for events, which can get lost.
        scan_every: Period = Period::seconds(3600), within("1s", "30d");

        /// The same for folders that are polled, as events do not tell everything there; the shorter of the two counts.
        poll_every: Period = Period::seconds(60), within("100ms", "1d");

        /// Where removed files lose their sessions (`on_removed`): a file is missed by a scan, and its sessions are deleted by
        /// the first scan after this time, unless it came back, and once the account's other folders were looked through after
        /// this time as well: it may have been moved there. Only time counts in which fitferry runs, or the machine sleeps;
        /// what the clock says does not matter.
        removed_grace: Period = Period::seconds(86_400), within("100ms", "365d");

        /// If a folder misses more files than this and a larger share of its files than `removed_share`, or files with more
        /// sessions and a larger share of all, or is empty, or another one than before, nothing is deleted: the event
        /// `folder.doubted` asks you to put the files back or to confirm that they are gone, by "fitferry files forget".
        removed_most: u64 = 20;

        /// See `removed_most`.
        removed_share: f64 = 0.2, within("0", "1");
    }

    /// How sessions are sent.
    pub struct DeliverySettings like "[delivery]
order = \"newest\"
concurrency = 4
rate = 0.5" {
        /// Which workouts go first.
        order: Order;

        /// Requests in flight at once, for each account.
        concurrency: usize = 16, within("1", "64");

        /// Requests a second in the long run, for each account. Left out, it is 1 at Google's API, and there is no limit
        /// elsewhere.
        rate: Option<f64>, unit("requests a second"), within("0.001", "1000"), like("1.0");

        /// How many may come at once after a rest. Left out, it is 60 at Google's API, and 10 elsewhere if there is a rate.
        burst: Option<u32>, unit("requests"), within("1", "10000"), like("60");

        /// Requests a day, for each account, at least 1. Left out, there is no limit.
        daily: Option<u64>, unit("requests"), like("80000");

        /// The zone whose midnight begins that day.
        daily_zone: String = "America/Los_Angeles".to_owned(), unit("time zone");

        /// How long it may take to reach the server.
        connect_timeout: Period = Period::seconds(10), within("100ms", "10m");

        /// How long the server may be silent.
        read_timeout: Period = Period::seconds(30), within("100ms", "1h");

        /// How long a request may take in all.
        request_timeout: Period = Period::seconds(60), within("100ms", "1h");

        /// After a failure a session waits for a random time up to this; the bound doubles with every further failure.
        retry_first: Period = Period::seconds(2), within("10ms", "1h");

        /// The longest that this bound grows.
        retry_longest: Period = Period::seconds(3600), within("10ms", "7d");
    }

    /// How the destination is compared.
    pub struct ReconcileSettings like "[reconcile]
every = \"6h\"
on_deleted = \"restore\"" {
        /// How often the destination is asked for what is recent.
        every: Period = Period::seconds(3600), within("1s", "30d");

        /// How far back that reaches. The whole history is compared too, over days.
        recent: Period = Period::seconds(14 * 86_400), within("1h", "365d");

        /// What becomes of a session that somebody deleted at the destination.
        on_deleted: OnDeleted;

        /// What becomes of a session that somebody changed at the destination.
        on_edited: OnEdited;

        /// What becomes of a workout that another application has put there already.
        on_twin: OnTwin;

        /// More differences than this, and a larger share of what was compared than `mass_share`, are not repaired before a
        /// person says "fitferry reconcile": at once, or together since the whole history was last in order.
        mass: usize = 50;

        /// See `mass`.
        mass_share: f64 = 0.2, within("0", "1");
    }

    /// The embedded server.
    pub struct ServerSettings like "[server]
listen = \"0.0.0.0:8730\"" {
        /// Where it answers. Only programs on this machine reach `127.0.0.1`; it speaks plain HTTP, so put a proxy with TLS
        /// before it to let others in.
        listen: TcpAddress = TcpAddress::new(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8730));

        /// Which sessions a list by time holds.
        window: WindowRule;
    }

    /// The room for our databases.
    pub struct DiskSettings like "[disk]
pause_below = \"500MB\"" {
        /// With less room than this on the disk of the state directory, new files wait until there is a quarter more; what is
        /// queued goes out meanwhile. Of a disk of less than ten times this, a tenth. "0" waits for nothing.
        pause_below: Size = Size::megabytes(64);
    }

    /// The log.
    pub struct LogSettings like "[log]
level = \"warn\"
format = \"json\"" {
        /// How much is told.
        level: LogLevel;

        /// How it is written.
        format: LogFormat;
    }

    /// For whoever looks whether all is well.
    pub struct MonitorSettings like "[monitor]
listen = \"127.0.0.1:9478\"
heartbeat = \"https://hc-ping.com/your-id\"" {
        /// Where `/healthz` and `/metrics` (Prometheus) are served, to everybody who can connect: they tell names of accounts and
        /// folders, and counts. After `unix:`, it is the path of a socket, for its user and group (mode 0660) only. Left out, it
        /// is nowhere.
        listen: Option<Listen>, like("\"127.0.0.1:9478\"");

        /// An address, as `https://hc-ping.com/your-id`, that is asked for after each comparison with a destination if nothing
        /// needs a person: whoever is behind it complains when that stays away.
        heartbeat: Option<Redacted>, unit("URL, secret"), like("\"...\"");
    }
}

impl Setting for Vec<AccountSettings> {
    const KIND: Kind = Kind::Tables(AccountSettings::TABLE);
}

words! {
    /// Which workouts are sent first.
    pub enum Order = Oldest {
        /// the oldest first
        Oldest = "oldest",
        /// the newest first
        Newest = "newest",
    }

    /// What becomes of a session that somebody deleted at the destination.
    pub enum OnDeleted = Respect {
        /// it stays deleted
        Respect = "respect",
        /// it is put again
        Restore = "restore",
    }

    /// What becomes of a session that somebody changed at the destination.
    pub enum OnEdited = Keep {
        /// theirs stays, until the source changes
        Keep = "keep",
        /// ours is put again
        Restore = "restore",
    }

    /// What becomes of a workout that another application has put there already.
    pub enum OnTwin = Upload {
        /// ours is put beside it
        Upload = "upload",
        /// theirs is enough
        Skip = "skip",
    }

    /// When a session belongs to a window; the API changed its mind.
    pub enum WindowRule = Overlap {
        /// those that overlap the window, up to a day past its end, as the API does since its revision 20250819
        Overlap = "overlap",
        /// those that end in it, as the API did until its revision 20240707
        Ends = "ends",
    }

    /// How much is told.
    pub enum LogLevel = Info {
        /// what does not work
        Error = "error",
        /// and what may need somebody
        Warn = "warn",
        /// and every change of state
        Info = "info",
        /// and what is of use to whoever looks for a fault
        Debug = "debug",
    }

    /// How the log is written.
    pub enum LogFormat = Auto {
        /// to the journal where stderr goes there, else for people
        Auto = "auto",
        /// for people
        Human = "human",
        /// as logfmt
        Logfmt = "logfmt",
        /// as JSON
        Json = "json",
        /// to systemd's journal, with each field as one of its own
        Journal = "journal",
    }
}
