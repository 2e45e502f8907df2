package testenv

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// An SMTPServer takes mails on loopback (RFC 5321), and fails as it is told.
type SMTPServer struct {
	Address string // host and port

	mu       sync.Mutex
	faults   SMTPFaults
	mails    [][]byte
	tried    int // DATA that began
	secured  int // mails that came over TLS
	listener net.Listener
	conns    map[net.Conn]bool
	config   SMTPConfig
}

// SMTPConfig is what a server offers.
type SMTPConfig struct {
	TLS            *TLSFiles // offers STARTTLS; nil: none
	FromTheStart   bool      // TLS from the first octet on
	User, Password string    // asks for these, over TLS alone
	Address        string    // where to listen; any port if empty
}

// SMTPFaults are what goes wrong from now on.
type SMTPFaults struct {
	Refuse     map[string]string // recipient: reply, such as "550 5.1.1 nobody"
	RefuseData string            // reply to every mail's content
	Delay      time.Duration     // before every mail is accepted
	Hang       bool              // no mail is ever accepted, and no connection closed
	DropOnData bool              // the connection breaks when a mail's content has arrived
	DropAfter  bool              // the connection breaks right after a mail was accepted
}

// StartSMTP starts a server that ends with the test.
func StartSMTP(t testing.TB, config SMTPConfig) *SMTPServer {
	t.Helper()
	if config.Address == "" {
		config.Address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", config.Address)
	if err != nil {
		t.Fatal(err)
	}
	if config.FromTheStart {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{config.TLS.Certificate}})
	}
	s := &SMTPServer{Address: l.Addr().String(), listener: l, conns: map[net.Conn]bool{}, config: config}
	go s.accept()
	t.Cleanup(s.Stop)
	return s
}

// Stop ends the server and all its connections.
func (s *SMTPServer) Stop() {
	s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Fail sets what goes wrong from now on.
func (s *SMTPServer) Fail(f SMTPFaults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Mails returns what was accepted so far.
func (s *SMTPServer) Mails(t testing.TB) (list []Mail) {
	t.Helper()
	s.mu.Lock()
	raw := slices.Clone(s.mails)
	s.mu.Unlock()
	for _, one := range raw {
		list = append(list, ReadMail(t, one))
	}
	return list
}

// Tried counts the mails whose content was about to come.
func (s *SMTPServer) Tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried
}

// Secured counts the mails that came over TLS.
func (s *SMTPServer) Secured() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secured
}

func (s *SMTPServer) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.mu.Unlock()
		go func() {
			(&smtpSession{server: s, secure: s.config.FromTheStart}).serve(conn)
			conn.Close()
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
		}()
	}
}

// An smtpSession is one client's.
type smtpSession struct {
	server     *SMTPServer
	conn       net.Conn
	in         *bufio.Reader
	secure     bool
	known      bool // has signed in
	recipients []string
}

func (c *smtpSession) say(line string) { fmt.Fprintf(c.conn, "%s\r\n", line) }

func (c *smtpSession) serve(conn net.Conn) {
	c.conn, c.in = conn, bufio.NewReader(conn)
	c.say("220 sink ESMTP")
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		if !c.obey(strings.ToUpper(verb), rest) {
			return
		}
	}
}

// obey answers one command, and reports whether the session goes on.
func (c *smtpSession) obey(verb, rest string) bool {
	config := c.server.config
	switch verb {
	case "EHLO", "HELO":
		c.greet()
	case "STARTTLS":
		c.say("220 go on")
		secured := tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{config.TLS.Certificate}})
		c.conn, c.in, c.secure = secured, bufio.NewReader(secured), true
	case "AUTH":
		_, secret, _ := strings.Cut(rest, " ")
		want := base64.StdEncoding.EncodeToString([]byte("\x00" + config.User + "\x00" + config.Password))
		if c.known = secret == want; !c.known {
			c.say("535 5.7.8 no")
			return true
		}
		c.say("235 2.7.0 welcome")
	case "MAIL":
		c.recipients = nil
		if config.User != "" && !c.known {
			c.say("530 5.7.0 sign in first")
			return true
		}
		c.say("250 2.1.0 fine")
	case "RCPT":
		return c.recipient(rest)
	case "DATA":
		return c.data()
	case "RSET", "NOOP":
		c.say("250 2.0.0 fine")
	case "QUIT":
		c.say("221 2.0.0 bye")
		return false
	default:
		c.say("502 5.5.1 unknown")
	}
	return true
}

func (c *smtpSession) greet() {
	c.say("250-sink")
	if c.server.config.TLS != nil && !c.secure {
		c.say("250-STARTTLS")
	}
	if c.server.config.User != "" && c.secure {
		c.say("250-AUTH PLAIN")
	}
	c.say("250-8BITMIME")
	c.say("250 ENHANCEDSTATUSCODES")
}

func (c *smtpSession) fault() SMTPFaults {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.server.faults
}

func (c *smtpSession) recipient(rest string) bool {
	_, to, ok := strings.Cut(rest, ":<")
	to, _, closed := strings.Cut(to, ">")
	if !ok || !closed {
		c.say("501 5.1.3 that is no address")
		return true
	}
	if reply := c.fault().Refuse[to]; reply != "" {
		c.say(reply)
		return true
	}
	c.recipients = append(c.recipients, to)
	c.say("250 2.1.5 fine")
	return true
}

func (c *smtpSession) data() bool {
	if c.recipients == nil {
		c.say("503 5.5.1 for whom?")
		return true
	}
	c.server.mu.Lock()
	c.server.tried++
	c.server.mu.Unlock()
	c.say("354 go on")
	var content []byte
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		content = append(content, strings.TrimPrefix(line, ".")...)
	}
	f := c.fault()
	switch {
	case f.Hang:
		io.Copy(io.Discard, c.in) // until the other side gives up
		return false
	case f.DropOnData:
		return false
	case f.RefuseData != "":
		c.say(f.RefuseData)
		return true
	}
	time.Sleep(f.Delay)
	c.server.mu.Lock()
	c.server.mails = append(c.server.mails, content)
	if c.secure {
		c.server.secured++
	}
	c.server.mu.Unlock()
	c.say("250 2.0.0 taken")
	return !f.DropAfter
}
