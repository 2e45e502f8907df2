package outbox

import (
	"bytes"
	"fmt"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"
)

// A Message is a mail in words. Its JSON is what the rows hold, encrypted.
type Message struct {
	To      string `json:"to"` // empty: for nobody
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

// compose makes the mail as it is sent (RFC 5322). Composed twice it has the
// same Message-ID.
func (e *envelope) compose() (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(&e.from)
	to, err := recipient(e.To)
	if err != nil {
		return nil, err
	}
	m.ToMailAddress(to)
	m.Subject(e.Subject)
	m.SetDateWithValue(e.at)
	_, host, _ := strings.Cut(e.from.Address, "@")
	m.SetMessageIDWithValue(e.id + "@" + host)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answer, please
	m.SetBodyString(gomail.TypeTextPlain, e.Text, gomail.WithPartEncoding(encodingOf(e.Text)))
	m.AddAlternativeString(gomail.TypeTextHTML, e.HTML, gomail.WithPartEncoding(gomail.EncodingQP))
	return m, nil
}

// bytes are the mail as a file.
func (e *envelope) bytes() ([]byte, error) {
	m, err := e.compose()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return b.Bytes(), nil
}

// encodingOf leaves ASCII as it is, so that links can be read in the file.
func encodingOf(text string) gomail.Encoding {
	for line := range strings.Lines(text) {
		if len(line) > 900 { // RFC 5322, section 2.1.1: 998
			return gomail.EncodingQP
		}
		for _, c := range []byte(line) {
			if c >= 0x80 {
				return gomail.EncodingQP
			}
		}
	}
	return gomail.EncodingUSASCII
}

// recipient is an address for a header and an envelope. Its domain is written
// in ASCII: not every server takes another form.
func recipient(address string) (*mail.Address, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return nil, fmt.Errorf("outbox: the recipient is no address")
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil {
		domain = address[at+1:]
	}
	return &mail.Address{Address: address[:at] + "@" + domain}, nil
}
