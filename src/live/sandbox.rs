//! Gives up every right that watching does not need.
//!
//! In order: another user, all capabilities but the one to open interfaces (or that too), `no_new_privs`, and Landlock:
//! files outside the folders that are needed can be neither read nor written, and no TCP connection can be made; and seccomp:
//! system calls that a monitor never makes are refused. What the kernel cannot do is said, never silently left out.

use super::seccomp;
use caps::{CapSet, Capability, CapsHashSet};
use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
    path_beneath_rules,
};
use nix::unistd::{Gid, Uid, User, initgroups, setgid, setuid};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The newest Landlock that is asked for; an older kernel does what it can.
const LANDLOCK: ABI = ABI::V5;

/// Folders libpcap looks into when it opens an interface, and whatever the resolver of times and users may read.
const ALWAYS_READ: [&str; 4] = ["/sys", "/proc", "/etc", "/usr/share/zoneinfo"];

/// What is still needed.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Folders from which files are read.
    pub read: Vec<PathBuf>,
    /// Folders in which files are made, changed and renamed.
    pub write: Vec<PathBuf>,
    /// Interfaces may have to be opened again: CAP_NET_RAW stays.
    pub reopen: bool,
    /// The user to become; `None` stays who it is.
    pub user: Option<String>,
}

/// Why rights could not be given up.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// There is no such user.
    #[error("--user {0}: there is no such user")]
    NoSuchUser(String),
    /// Only root becomes someone else.
    #[error("--user {user}: cannot become this user ({cause}); start as root, or leave --user out")]
    User {
        /// The user.
        user: String,
        /// What the system says.
        cause: String,
    },
    /// The system refuses.
    #[error(
        "rights cannot be given up ({what}: {cause}); --no-sandbox runs with all of them, for debugging"
    )]
    Refused {
        /// Which ones.
        what: &'static str,
        /// What the system says.
        cause: String,
    },
}

/// What was given up, in words, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosed {
    /// What the kernel enforces of the limits on files and connections.
    pub landlock: &'static str,
    /// Whether it refuses system calls that are never made.
    pub seccomp: &'static str,
    /// Capabilities that are left.
    pub capabilities: Vec<String>,
}

/// Gives up what `needs` does not name, for this thread and those it starts. Call it before any other thread is there.
///
/// # Errors
///
/// [`SandboxError`]; nothing may be captured then.
pub fn enclose(needs: &Needs) -> Result<Enclosed, SandboxError> {
    if let Some(user) = &needs.user {
        become_user(user, needs.reopen)?;
    }
    let capabilities = drop_capabilities(needs.reopen)?;
    let landlock = restrict(needs)?;
    let seccomp = match seccomp::refuse_calls() {
        Ok(true) => "on",
        Ok(false) => "not at all: this kernel or processor has no filter",
        Err(cause) => return Err(refused("seccomp", cause)),
    };
    Ok(Enclosed {
        landlock,
        seccomp,
        capabilities,
    })
}

fn refused(what: &'static str, cause: impl ToString) -> SandboxError {
    SandboxError::Refused {
        what,
        cause: cause.to_string(),
    }
}

/// Gives a file or folder that was just made to the user that is to be become.
///
/// # Errors
///
/// There is no such user, or only root may do so.
pub fn give_to(path: &Path, name: &str) -> Result<(), SandboxError> {
    let user = find_user(name)?;
    chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(|error| {
        SandboxError::User {
            user: name.to_owned(),
            cause: error.to_string(),
        }
    })
}

fn find_user(name: &str) -> Result<User, SandboxError> {
    let known = match name.parse::<u32>() {
        Ok(number) => User::from_uid(Uid::from_raw(number)),
        Err(_) => User::from_name(name),
    };
    known
        .map_err(|error| SandboxError::User {
            user: name.to_owned(),
            cause: error.to_string(),
        })?
        .ok_or_else(|| SandboxError::NoSuchUser(name.to_owned()))
}

fn become_user(name: &str, keep: bool) -> Result<(), SandboxError> {
    let failed = |cause: String| SandboxError::User {
        user: name.to_owned(),
        cause,
    };
    let user = find_user(name)?;
    let errno = |error: nix::Error| failed(error.to_string());
    if keep {
        caps::securebits::set_keepcaps(true).map_err(|error| failed(error.to_string()))?;
    }
    if let Ok(login) = std::ffi::CString::new(user.name.as_str()) {
        initgroups(&login, user.gid).map_err(errno)?;
    }
    setgid(Gid::from_raw(user.gid.as_raw())).map_err(errno)?;
    setuid(user.uid).map_err(errno)
}

/// Keeps CAP_NET_RAW where interfaces may have to be opened again and it is there at all, and nothing else.
fn drop_capabilities(reopen: bool) -> Result<Vec<String>, SandboxError> {
    let failed = |error: caps::errors::CapsError| refused("capabilities", error);
    let permitted = caps::read(None, CapSet::Permitted).map_err(failed)?;
    let kept: CapsHashSet = permitted
        .into_iter()
        .filter(|capability| reopen && *capability == Capability::CAP_NET_RAW)
        .collect();
    caps::clear(None, CapSet::Ambient).or_else(|error| {
        // Kernels before 4.3 know no ambient set.
        if caps::runtime::ambient_set_supported().is_err() {
            Ok(())
        } else {
            Err(failed(error))
        }
    })?;
    caps::set(None, CapSet::Inheritable, &CapsHashSet::new()).map_err(failed)?;
    caps::set(None, CapSet::Effective, &kept).map_err(failed)?;
    caps::set(None, CapSet::Permitted, &kept).map_err(failed)?;
    Ok(kept.iter().map(ToString::to_string).collect())
}

fn restrict(needs: &Needs) -> Result<&'static str, SandboxError> {
    let failed = |error: landlock::RulesetError| refused("Landlock", error);
    let reading = AccessFs::from_read(LANDLOCK) & !AccessFs::Execute;
    let writing = AccessFs::from_all(LANDLOCK) & !AccessFs::Execute;
    let read = ALWAYS_READ
        .iter()
        .map(PathBuf::from)
        .chain(needs.read.iter().cloned());
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))
        .map_err(failed)?
        .handle_access(AccessNet::from_all(LANDLOCK))
        .map_err(failed)?
        .create()
        .map_err(failed)?
        .add_rules(path_beneath_rules(read, reading))
        .map_err(failed)?
        .add_rules(path_beneath_rules(&needs.write, writing))
        .map_err(failed)?
        // It sets `no_new_privs`, whether the kernel has Landlock or not.
        .restrict_self()
        .map_err(failed)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => "files and TCP",
        RulesetStatus::PartiallyEnforced => "in part: this kernel is older than 6.10",
        RulesetStatus::NotEnforced => "not at all: this kernel has no Landlock",
    })
}
