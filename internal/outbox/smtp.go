package outbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"net/textproto"
	"regexp"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// A server is a mail server that relays for us.
type server struct {
	host           string
	port           int
	tls            bool // from the first octet on; otherwise by STARTTLS where it is offered
	user, password string
	roots          *x509.CertPool // nil: those of the system
}

// stopTime is what a server that is about to end leaves to a mail under way.
const stopTime = 3 * time.Second

// Open implements [Transport].
func (s *server) Open(ctx context.Context) (Conn, error) {
	c := &smtpConn{}
	config := &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12, RootCAs: s.roots}
	dial := func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
		address := net.JoinHostPort(s.host, strconv.Itoa(s.port))
		if s.tls {
			conn, err = (&tls.Dialer{Config: config}).DialContext(ctx, network, address)
		} else {
			conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		}
		c.net = conn
		return conn, err
	}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(sendTimeout), gomail.WithTLSConfig(config), gomail.WithDialContextFunc(dial),
		gomail.WithTLSPolicy(s.policy()),
	}
	if s.user != "" {
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return nil, err
	}
	if c.session, err = client.DialToSMTPClientWithContext(ctx); err != nil {
		if c.net != nil {
			c.net.Close()
		}
		return nil, err
	}
	c.release = context.AfterFunc(ctx, func() { c.net.SetDeadline(time.Now().Add(stopTime)) })
	return c, nil
}

// policy asks for TLS where a password is sent, but to this machine itself:
// otherwise whoever stands between could take the offer away and read along.
func (s *server) policy() gomail.TLSPolicy {
	switch {
	case s.tls:
		return gomail.NoTLS // it is there already
	case s.user != "" && !loopback(s.host):
		return gomail.TLSMandatory
	}
	return gomail.TLSOpportunistic
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

type smtpConn struct {
	session *smtp.Client
	net     net.Conn
	release func() bool
}

// Send implements [Conn].
func (c *smtpConn) Send(ctx context.Context, e *envelope) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := e.compose()
	if err != nil {
		return &replyError{step: "nothing: the mail can't be composed"}
	}
	to, err := recipient(e.To)
	if err != nil {
		return err
	}
	c.net.SetDeadline(time.Now().Add(sendTimeout))
	if ctx.Err() != nil { // it has ended in the meantime, and set another one
		c.net.SetDeadline(time.Now().Add(stopTime))
	}
	err = c.converse(e.from.Address, to.Address, text)
	if refused, ok := errors.AsType[*replyError](err); ok {
		if refused.code == 421 { // RFC 5321, section 4.2.2
			return errors.New("the mail server hangs up")
		}
		c.session.Reset() // if that fails, so does the next mail
	}
	return err
}

// converse brings one mail over (RFC 5321, section 3.3).
func (c *smtpConn) converse(from, to string, text []byte) error {
	if err := c.session.Mail("<" + from + ">"); err != nil {
		return refusal("the sender", err)
	}
	if err := c.session.Rcpt("<" + to + ">"); err != nil {
		return refusal("the recipient", err)
	}
	w, err := c.session.Data()
	if err != nil {
		return refusal("the mail", err)
	}
	if _, err := w.Write(text); err != nil {
		return refusal("the mail's content", err)
	}
	return refusal("the mail's content", w.Close())
}

var enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// refusal is what became of a step: the server's no, or a connection that is
// broken.
func refusal(step string, err error) error {
	reply, ok := errors.AsType[*textproto.Error](err)
	if err == nil || !ok {
		return err
	}
	return &replyError{step: step, code: reply.Code, enhanced: enhancedCode.FindString(reply.Msg)}
}

// Close implements [Conn].
func (c *smtpConn) Close() error {
	c.release()
	c.net.SetDeadline(time.Now().Add(time.Second))
	if err := c.session.Quit(); err != nil {
		c.net.Close()
		return err
	}
	return nil
}
