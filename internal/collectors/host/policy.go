package host

import (
	"context"
	"strings"
)

// passwordPolicy reads what the machine demands of a password.
func (l *look) passwordPolicy(context.Context) error {
	f := newFacts()
	const kind = "password_policy"
	f.set("kept_by", "machine")
	f.unsaid("a machine does not keep this", "name", "change_after_reset", "grace_sign_ins")
	for field, key := range map[string]string{"max_days": "PASS_MAX_DAYS", "min_days": "PASS_MIN_DAYS", "warn_days": "PASS_WARN_AGE"} {
		if n, ok := number(l.login, key); ok {
			f.set(field, n)
		}
	}
	f.unsaid("/etc/login.defs does not say", "max_days", "min_days", "warn_days")
	change, err := l.pamStack("password", "passwd", "common-password", "system-auth", "base-password")
	if err != nil {
		reason := "the machine has no PAM settings for passwords: " + l.why("/etc/pam.d/passwd", err)
		l.blind(f, kind, reason, l.rights(err), "min_length", "pam_quality", "remember", "hash_algorithm")
	} else {
		l.passwordRules(f, change)
	}
	enter, err := l.pamStack("auth", "sshd", "login", "common-auth", "system-auth", "base-auth")
	if err != nil {
		reason := "the machine has no PAM settings for sign-in: " + l.why("/etc/pam.d/sshd", err)
		l.blind(f, kind, reason, l.rights(err), "lockout", "lockout_attempts", "lockout_seconds")
	} else {
		l.lockout(f, enter)
	}
	return l.in.Add(f.resource(kind, "local"))
}

// passwordRules reads what is asked of a new password.
func (l *look) passwordRules(f facts, stack []pamLine) {
	unix, _ := find(stack, "pam_unix")
	quality, tested := find(stack, "pam_pwquality", "pam_cracklib", "pam_passwdqc")
	f.set("pam_quality", tested)
	switch {
	case tested && strings.Contains(quality.module, "passwdqc"):
		f.unsaid("pam_passwdqc sets a length for each kind of password", "min_length")
	case tested:
		// pwquality itself refuses what is shorter than 6.
		n := 8
		if strings.Contains(quality.module, "cracklib") {
			n = 9
		}
		if set, ok := number(l.mergedEquals("/etc/security/pwquality.conf", "/etc/security/pwquality.conf.d/*.conf"), "minlen"); ok {
			n = set
		}
		if set, ok := quality.option("minlen"); ok {
			n = set
		}
		f.set("min_length", max(n, 6))
	case unix.module == "":
		f.unsaid("neither pam_unix nor a quality module takes new passwords", "min_length")
	default:
		n := 6
		if set, ok := unix.option("minlen"); ok {
			n = set
		}
		f.set("min_length", n)
	}
	remember := 0
	if history, ok := find(stack, "pam_pwhistory"); ok {
		remember = 10
		if set, ok := number(l.mergedEquals("/etc/security/pwhistory.conf", ""), "remember"); ok {
			remember = set
		}
		if set, ok := history.option("remember"); ok {
			remember = set
		}
	} else if set, ok := unix.option("remember"); ok {
		remember = set
	}
	f.set("remember", remember)
	for _, arg := range unix.args {
		switch arg {
		case "yescrypt", "gost_yescrypt", "sha512", "sha256", "blowfish", "md5", "bigcrypt":
			f.set("hash_algorithm", arg)
		}
	}
	if method := l.login["ENCRYPT_METHOD"]; method != "" && f.attrs["hash_algorithm"] == nil {
		f.set("hash_algorithm", strings.ToLower(method))
	}
	f.unsaid("neither pam_unix nor /etc/login.defs names one", "hash_algorithm")
}

// lockout reads what happens after failed attempts.
func (l *look) lockout(f facts, stack []pamLine) {
	line, locks := find(stack, "pam_faillock", "pam_tally2", "pam_tally")
	f.set("lockout", locks)
	if !locks {
		f.unsaid("failed attempts do not lock an account", "lockout_attempts", "lockout_seconds")
		return
	}
	values := map[string]string{}
	attempts, seconds := 3, 600
	if strings.Contains(line.module, "faillock") {
		values = l.mergedEquals("/etc/security/faillock.conf", "")
	} else {
		attempts, seconds = 0, 0
	}
	for _, from := range []func(string) (int, bool){func(key string) (int, bool) { return number(values, key) }, line.option} {
		if n, ok := from("deny"); ok {
			attempts = n
		}
		if n, ok := from("unlock_time"); ok {
			seconds = n
		}
	}
	if values["unlock_time"] == "never" {
		seconds = 0
	}
	f.set("lockout", attempts > 0)
	f.set("lockout_attempts", attempts)
	f.set("lockout_seconds", seconds)
}

// mergedEquals reads a file of settings and then those of a folder, later ones
// over earlier ones. Files that are not there say nothing.
func (l *look) mergedEquals(name, folder string) map[string]string {
	merged := map[string]string{}
	names := []string{name}
	if folder != "" {
		more, _ := l.tree.glob(folder)
		names = append(names, more...)
	}
	for _, name := range names {
		data, err := l.tree.read(name, maxText)
		if err != nil {
			continue
		}
		for key, value := range parseEquals(data) {
			merged[key] = value
		}
	}
	return merged
}
