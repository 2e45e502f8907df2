package testenv

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A Mail is one that was sent, as its reader's program shows it.
type Mail struct {
	From, To, Subject, MessageID string
	Text, HTML                   string
	Date                         time.Time
	Header                       mail.Header
	// TextEncoding is that of the plain part on its way.
	TextEncoding string
}

// ReadMail reads a mail of a plain and an HTML part.
func ReadMail(t testing.TB, raw []byte) Mail {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("a mail that can't be read: %v\n%s", err, raw)
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	check(err)
	from, err := mail.ParseAddress(m.Header.Get("From"))
	check(err)
	to, err := mail.ParseAddress(m.Header.Get("To"))
	check(err)
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	check(err)
	date, err := m.Header.Date()
	check(err)
	found := Mail{From: from.String(), To: to.Address, Subject: subject, MessageID: m.Header.Get("Message-ID"), Date: date, Header: m.Header}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	check(err)
	if kind != "multipart/alternative" {
		t.Fatalf("a mail is %s", kind)
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			return found
		}
		check(err)
		encoding := p.Header.Get("Content-Transfer-Encoding")
		var body io.Reader = p
		if encoding == "quoted-printable" {
			body = quotedprintable.NewReader(p)
		}
		text, err := io.ReadAll(body)
		check(err)
		clean := strings.ReplaceAll(string(text), "\r\n", "\n")
		switch kind := p.Header.Get("Content-Type"); {
		case strings.HasPrefix(kind, "text/plain"):
			found.Text, found.TextEncoding = clean, encoding
		case strings.HasPrefix(kind, "text/html"):
			found.HTML = clean
		default:
			t.Fatalf("a part of a mail is %s", kind)
		}
	}
}

var address = regexp.MustCompile(`https?://\S+`)

// Link is the address that the mail leads to: the only one in its plain part.
func (m Mail) Link(t testing.TB) string {
	t.Helper()
	links := address.FindAllString(m.Text, -1)
	if len(links) != 1 {
		t.Fatalf("the mail %q holds the links %v:\n%s", m.Subject, links, m.Text)
	}
	return links[0]
}

// Links are all addresses in the mail's plain part.
func (m Mail) Links() []string { return address.FindAllString(m.Text, -1) }

// MailsIn reads the mails of a directory that mails are written to, in the
// order of their ids, which is that of their time.
func MailsIn(t testing.TB, dir string) (list []Mail) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, ReadMail(t, raw))
	}
	return list
}
