package door

import (
	"io"
	"mime"
	"net/http"
	"time"
)

// fileStall is how long a client may take for the next part of a file.
const fileStall = time.Minute

// File begins an answer that is a file to save, of any length: as long as the
// client goes on reading, it may take what it takes.
func File(w http.ResponseWriter, kind, name string) io.Writer {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	w.WriteHeader(http.StatusOK)
	return &file{w, http.NewResponseController(w)}
}

type file struct {
	w       io.Writer
	control *http.ResponseController
}

// Write implements io.Writer.
func (f *file) Write(p []byte) (int, error) {
	// Where the listener can't, its own limit counts.
	_ = f.control.SetWriteDeadline(time.Now().Add(fileStall))
	return f.w.Write(p)
}
