//! System calls that a monitor never makes, refused by the kernel from then on.
//!
//! A list of what is forbidden, not of what is allowed: libraries change which harmless calls they make, and a program that
//! runs for weeks must not end over one. Forbidden is what would start programs, reach into other processes, change the
//! system, or open parts of the kernel that are attacked most. They fail with EPERM; nothing is killed.

use nix::libc;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;

/// Calls that are refused whatever their arguments.
const REFUSED: [libc::c_long; 49] = [
    // Other programs and processes.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // Namespaces and file systems.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Interfaces of the kernel that attacks begin with. libpcap's filters are set on their socket and need no bpf.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_personality,
];

/// Flags with which a new process would get namespaces of its own.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Has the kernel refuse them, in all threads and those they start. It cannot be taken back.
///
/// False where this processor or kernel cannot.
///
/// # Errors
///
/// What the kernel says.
pub(super) fn refuse_calls() -> Result<bool, seccompiler::Error> {
    let (Ok(refused), Ok(unknown)) = (refused(), unknown()) else {
        return Ok(false);
    };
    for program in [refused, unknown] {
        match seccompiler::apply_filter_all_threads(&program) {
            Ok(()) => {}
            Err(seccompiler::Error::Seccomp(cause))
                if matches!(cause.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) =>
            {
                return Ok(false);
            }
            Err(cause) => return Err(cause),
        }
    }
    Ok(true)
}

fn refused() -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.into_iter().map(|call| (call, Vec::new())).collect();
    let mut cloned = Vec::new();
    for flag in NAMESPACES {
        let flag = u64::try_from(flag).unwrap_or(0);
        let is_set = SeccompCmpOp::MaskedEq(flag);
        let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, is_set, flag)?;
        cloned.push(SeccompRule::new(vec![condition])?);
    }
    rules.insert(libc::SYS_clone, cloned);
    compile(rules, libc::EPERM)
}

/// The flags of clone3 lie in memory, where a filter cannot look. To say that there is no such call makes libraries fall back
/// to clone.
fn unknown() -> Result<BpfProgram, BackendError> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    compile(rules, libc::ENOSYS)
}

fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    error: libc::c_int,
) -> Result<BpfProgram, BackendError> {
    let error = u32::try_from(error).unwrap_or(1);
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(error),
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::process::Command;

    #[test]
    fn no_program_can_be_started_and_threads_can() {
        // Within a thread of its own, so that other tests keep their rights.
        let refused_start = std::thread::spawn(|| {
            for program in [refused().unwrap(), unknown().unwrap()] {
                seccompiler::apply_filter(&program).unwrap();
            }
            let inner = std::thread::spawn(|| std::fs::read("/proc/self/status").is_ok());
            assert!(inner.join().unwrap());
            Command::new("true").status().unwrap_err().kind()
        });
        assert_eq!(refused_start.join().unwrap(), ErrorKind::PermissionDenied);
        assert!(Command::new("true").status().unwrap().success());
    }
}
