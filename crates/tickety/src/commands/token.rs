//! `tickety token`

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tickety_api::{ErrorCode, Meta};
use tickety_server::guard::access::Scope;
use tickety_server::guard::token::{Secret, SecretKind};

use crate::exit::{CliError, Ended};
use crate::render::palette;
use crate::session::Session;
use crate::tokens::{MOST, Token, TokenFile, Uses};

/// Make, list and revoke the tokens that a server asks for
///
/// A token says who asks, and what he may. It is shown once, when it is made: what is kept is its hash. Programs send it in
/// the header `Authorization: Bearer TOKEN`. Tokens belong to the clone; they are not committed. A server that runs knows of
/// a change within a second.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a token and print it, this once
    Create {
        /// What to call it, as in `ci` or `ann-laptop`
        name: String,

        /// What it is good for: read, write (and read), or admin (everything)
        #[arg(long, value_name = "SCOPE", default_value_t = Scope::Read)]
        scope: Scope,

        /// Who acts by it [default: you]
        #[arg(long, value_name = "USER")]
        user: Option<String>,

        /// When it ends: 12h, 90d or 52w from now [default: never]
        #[arg(long, value_name = "TIME", value_parser = lifetime)]
        expires: Option<SignedDuration>,
    },
    /// Print what tokens there are
    #[command(visible_alias = "ls")]
    List,
    /// Have tokens be good for nothing any more
    Revoke {
        /// Their names, or what `list` calls them
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

/// Reads how long a token lasts.
fn lifetime(text: &str) -> Result<SignedDuration, &'static str> {
    const SAID: &str = "write a time up to 10 years, as in 12h, 90d or 52w";
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(SAID)?;
    let hours = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return Err(SAID),
    };
    let hours = number.parse::<i64>().ok().and_then(|number| number.checked_mul(hours)).ok_or(SAID)?;
    (1..=10 * 366 * 24).contains(&hours).then(|| SignedDuration::from_hours(hours)).ok_or(SAID)
}

/// The longest name of a token, and of a user, in bytes.
const LONGEST_NAME: usize = 64;
const LONGEST_USER: usize = 100;

/// A token, as an answer has it.
#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    user: String,
    scope: &'static str,
    created: Timestamp,
    expires: Option<Timestamp>,
    expired: bool,
    /// To the hour.
    last_used: Option<Timestamp>,
}

/// The `data` of the answer to `create`.
#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    shown: Shown,
    /// The secret itself, this once.
    token: String,
}

/// The `data` of the other answers.
#[derive(Serialize)]
struct Tokens {
    tokens: Vec<Shown>,
}

impl Shown {
    fn new(token: &Token, uses: &Uses, now: Timestamp) -> Self {
        let Token { name, user, scope, hash: _, created, expires } = token;
        Self {
            id: token.id(),
            name: name.clone(),
            user: user.clone(),
            scope: scope.as_str(),
            created: *created,
            expires: *expires,
            expired: token.has_expired(now),
            last_used: uses.of(token),
        }
    }
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let file = TokenFile::in_state(&session.repo()?.layout().common_state);
    match args.action {
        Action::Create { name, scope, user, expires } => create(&file, (name, scope, user, expires), session),
        Action::List => list(&file.read()?, &file.uses(), session),
        Action::Revoke { names } => revoke(&file, &names, session),
    }
}

fn create(
    file: &TokenFile,
    (name, scope, user, expires): (String, Scope, Option<String>, Option<SignedDuration>),
    session: &Session,
) -> Result<Ended, CliError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte);
    if !(1..=LONGEST_NAME).contains(&name.len()) || !name.bytes().all(is_plain) || name.starts_with('-') {
        let message = format!("`{name}` can't be the name of a token");
        return Err(CliError::new(ErrorCode::BadValue, message)
            .hint(format!("use letters, digits and any of `-_.@+`, at most {LONGEST_NAME}")));
    }
    let user = match user {
        Some(user) => user,
        None => session.context.actor()?.map(str::to_owned).ok_or_else(|| {
            CliError::usage("nobody is known who would act by the token").hint("name him with `--user USER`")
        })?,
    };
    let user = user.trim().to_owned();
    if !(1..=LONGEST_USER).contains(&user.len()) || user.chars().any(char::is_control) {
        let message = format!("--user: a name has 1 to {LONGEST_USER} bytes of text");
        return Err(CliError::new(ErrorCode::BadValue, message));
    }
    let secret = Secret::generate(SecretKind::Token)
        .map_err(|error| CliError::new(ErrorCode::Io, format!("the system has no random numbers: {error}")))?;
    let created = session.context.time_of_writing();
    let expires = expires
        .map(|time| created.checked_add(time).map_err(|error| CliError::usage(format!("--expires: {error}"))))
        .transpose()?;
    let token = Token { name, user, scope, hash: secret.hash(), created, expires };
    file.change(|tokens| {
        if tokens.iter().any(|other| other.name == token.name) {
            let message = format!("there is a token called {} already", token.name);
            return Err(CliError::new(ErrorCode::BadValue, message)
                .hint(format!("take another name, or `tickety token revoke {}` first", token.name)));
        }
        if tokens.len() >= MOST {
            let message = format!("there are {MOST} tokens already");
            return Err(CliError::new(ErrorCode::TooMany, message).hint("revoke some that aren't used"));
        }
        tokens.push(token.clone());
        Ok(())
    })?;
    if session.json() {
        let shown = Shown::new(&token, &Uses::default(), session.context.now());
        return session.answer(Created { shown, token: secret.reveal().to_owned() }, Meta::default());
    }
    session.note(format_args!("{} may {} as {}; this is shown once:", token.name, token.scope, token.user));
    let mut screen = session.screen();
    screen.put(palette::PLAIN, secret.reveal()).raw("\n");
    session.show(screen)
}

fn list(tokens: &[Token], uses: &Uses, session: &Session) -> Result<Ended, CliError> {
    let now = session.context.now();
    let shown: Vec<Shown> = tokens.iter().map(|token| Shown::new(token, uses, now)).collect();
    if session.json() {
        return session.answer(Tokens { tokens: shown }, Meta::default());
    }
    let mut screen = session.screen();
    for Shown { id, name, user, scope, created: _, expires, expired, last_used } in &shown {
        screen.put(palette::NAME, id).raw("\t").put(palette::STRONG, name).raw("\t");
        screen.put(palette::PLAIN, scope).raw("\t").put(palette::PLAIN, user).raw("\t");
        match (expires, expired) {
            (Some(time), true) => screen.put(palette::ALARM, format!("expired {time}")),
            (Some(time), false) => screen.put(palette::FAINT, format!("until {time}")),
            (None, _) => screen.put(palette::FAINT, "for ever"),
        };
        let used = last_used.map_or_else(|| "not used yet".to_owned(), |time| format!("used {time}"));
        screen.raw("\t").put(palette::FAINT, used);
        screen.raw("\n");
    }
    session.show(screen)
}

fn revoke(file: &TokenFile, names: &[String], session: &Session) -> Result<Ended, CliError> {
    let revoked = file.change(|tokens| {
        let mut revoked = Vec::new();
        for name in names {
            let place = tokens.iter().position(|token| token.name == *name || token.id() == *name);
            let Some(place) = place else {
                return Err(CliError::new(ErrorCode::BadValue, format!("there is no token called {name}"))
                    .hint("`tickety token list` shows them; nothing was revoked"));
            };
            revoked.push(tokens.remove(place));
        }
        Ok(revoked)
    })?;
    if session.json() {
        let now = session.context.now();
        let tokens = revoked.iter().map(|token| Shown::new(token, &file.uses(), now)).collect();
        return session.answer(Tokens { tokens }, Meta::default());
    }
    for token in &revoked {
        session.note(format_args!("{} is good for nothing any more", token.name));
    }
    Ok(Ended::Done)
}
