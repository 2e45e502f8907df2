package outbox

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// A Message is a mail in words. Its JSON is what the rows hold, encrypted.
type Message struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

// An envelope is a message with what it needs on its way.
type envelope struct {
	Message
	id   string    // of the row: the Message-ID follows from it
	kind Kind      // for the log
	at   time.Time // when it was written
	from mail.Address
}

// compose writes the mail as it is sent (RFC 5322, with lines that end in CRLF).
// Composed twice it is the same.
func (e *envelope) compose() ([]byte, error) {
	to, err := recipient(e.To)
	if err != nil {
		return nil, err
	}
	_, host, _ := strings.Cut(e.from.Address, "@")
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	if err := parts.SetBoundary("part-" + e.id); err != nil {
		return nil, err
	}
	for _, header := range [][2]string{
		{"From", e.from.String()},
		{"To", to.String()},
		{"Subject", mime.QEncoding.Encode("utf-8", e.Subject)},
		{"Date", e.at.UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + e.id + "@" + host + ">"},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: no answer, please
		{"MIME-Version", "1.0"},
		{"Content-Type", `multipart/alternative; boundary="` + parts.Boundary() + `"`},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", header[0], header[1])
	}
	b.WriteString("\r\n")
	for _, part := range [][2]string{{"text/plain", e.Text}, {"text/html", e.HTML}} {
		if err := writePart(parts, part[0], part[1]); err != nil {
			return nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// writePart writes text in ASCII as it is, so that links can be read in the
// file, and other text quoted-printable: every server takes both.
func writePart(parts *multipart.Writer, kind, text string) error {
	encoding := "7bit"
	if !sevenBit(text) {
		encoding = "quoted-printable"
	}
	w, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type": {kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {encoding},
	})
	if err != nil {
		return err
	}
	text = strings.ReplaceAll(text, "\n", "\r\n")
	if encoding == "7bit" {
		_, err = io.WriteString(w, text)
		return err
	}
	quoted := quotedprintable.NewWriter(w)
	if _, err := io.WriteString(quoted, text); err != nil {
		return err
	}
	return quoted.Close()
}

// maxLine is the length of a line, in octets without its end (RFC 5322, section
// 2.1.1).
const maxLine = 998

func sevenBit(text string) bool {
	for line := range strings.Lines(text) {
		if len(line) > maxLine {
			return false
		}
	}
	for _, c := range []byte(text) {
		if c >= 0x80 || c < ' ' && c != '\n' {
			return false
		}
	}
	return true
}

// recipient is an address for a header and an envelope. Its domain is written
// in ASCII: not every server takes another form.
func recipient(address string) (*mail.Address, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || strings.ContainsAny(address, "\r\n<>") {
		return nil, fmt.Errorf("outbox: the recipient is no address")
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil {
		domain = address[at+1:]
	}
	return &mail.Address{Address: address[:at] + "@" + domain}, nil
}
