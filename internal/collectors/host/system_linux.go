package host

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	supported  = true
	doNotWait  = syscall.O_NONBLOCK // a pipe put in the place of a file must not stop the run
	onlyFolder = syscall.O_DIRECTORY
)

const errNotFolder = syscall.ENOTDIR

// ownerOf returns the ids that own a file.
func ownerOf(info fs.FileInfo) (uid, gid uint32, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return st.Uid, st.Gid, true
}

// clockDisciplined asks the kernel whether anything keeps its clock right. It
// changes nothing: no mode is set.
func clockDisciplined() (bool, error) {
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	if err != nil {
		return false, err
	}
	return state != unix.TIME_ERROR && tx.Status&unix.STA_UNSYNC == 0, nil
}

// processor is the architecture the kernel was built for.
func processor() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Machine[:])
}
