package site

// UploadView is how far a file has been sent. A page draws it with nothing in
// it: app.js fills it in while it sends the form, and without scripts the
// browser sends the form as it always does.
type UploadView struct {
	What  string // "report.evb"
	Sent  int64
	Of    int64
	State UploadState
}

// UploadState is where the sending of a file stands.
type UploadState string

// The states. The zero value is a form that is still being filled in.
const (
	UploadIdle    UploadState = ""
	UploadSending UploadState = "sending"
	UploadArrived UploadState = "arrived" // every byte; the server works on it
	UploadStopped UploadState = "stopped" // cancelled, or the connection ended
)

func (v UploadView) text() string {
	switch v.State {
	case UploadSending:
		return "Sending " + v.What + ": " + Bytes(v.Sent) + " of " + Bytes(v.Of)
	case UploadArrived:
		return v.What + " has arrived and is being read."
	case UploadStopped:
		return "Cancelled. Nothing was recorded."
	}
	return ""
}
