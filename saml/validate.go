package saml

import (
	"time"

	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xenc"
	"sallyport/saml/internal/xmltree"
)

// A validation is the work on one message and the memory that it takes, kept
// from one message to the next. Nothing of it is handed out: what is returned
// is copied.
type validation struct {
	recorder
	sp       *ServiceProvider
	msg      Message
	wire     []byte // the message in base64
	raw      []byte // the message
	parser   xmltree.Parser
	clear    xmltree.Parser // of an assertion that was encrypted
	clearID  xmltree.Parser // of a NameID that was
	verifier dsig.Verifier
	opener   xenc.Decrypter // of the assertion
	openerID xenc.Decrypter // of the NameID
	text     []byte         // of the attributes
	spans    []uint32       // see Attributes

	parts
	decrypted                       *Decrypted
	responseSigned, assertionSigned bool
	certificate                     int
	oracle                          bool // a refusal may tell of a ciphertext that nobody has signed
	opened                          time.Time
	telling                         time.Duration // what was spent, since then, on what a ciphertext holds
	confirmation                    confirmation
	requestID                       string // that was asked for last
	requestState                    RequestState
	out                             Assertion
}

// keepAtMost is the size of a message beyond which its memory is not kept.
const keepAtMost = 256 << 10

// Validate decides on a response. It checks every rule of this package; in the
// mode [Restart] a response that answers no request of ours is only looked at
// as far as it takes to know that it is a well-formed one.
//
// The error is a [*Refusal] with all checks. The rules behind the signature
// are judged then, too, on what the message claims: nothing of it is believed.
func (sp *ServiceProvider) Validate(m Message) (*Result, error) {
	if m.Received.IsZero() {
		m.Received = time.Now()
	}
	v := sp.pool.Get().(*validation)
	res, refusal, wait := v.decide(sp, m)
	if cap(v.raw) <= keepAtMost {
		sp.pool.Put(v)
	}
	if wait > 0 {
		sp.sleep(wait)
	}
	if refusal != nil {
		return nil, refusal
	}
	return res, nil
}

// decide judges a message, and says how long a refusal has to wait before it is
// told.
func (v *validation) decide(sp *ServiceProvider, m Message) (*Result, *Refusal, time.Duration) {
	v.telling = 0
	res := v.run(sp, m, m.Record)
	code, oracle := v.failed, v.oracle
	if code == "" {
		return res, nil, 0
	}
	if !m.Record {
		// Refusals are rare and their record is wanted: do it all again with
		// a recorder rather than pay for one each time. What the caller
		// answers may have changed meanwhile; the decision has not.
		v.run(sp, m, true)
	}
	refusal := &Refusal{Code: code}
	if m.Record && !oracle && !v.oracle && !v.assertion.IsZero() {
		var claimed Assertion
		v.complement(&claimed)
		refusal.Attributes = claimed.Attributes
	}
	refusal.Checks, refusal.Decrypted = v.complete(), v.decrypted
	if oracle || v.oracle {
		return nil, refusal, v.blunting()
	}
	return nil, refusal, 0
}

// run judges a message. Its outcome stands in v.failed.
func (v *validation) run(sp *ServiceProvider, m Message, recording bool) *Result {
	v.recorder = recorder{recording: recording, checks: v.checks[:0]}
	v.sp, v.msg = sp, m
	v.parts = parts{}
	v.responseSigned, v.assertionSigned, v.certificate = false, false, 0
	v.oracle = false
	v.decrypted = nil
	v.confirmation = confirmation{}
	v.requestID, v.out = "", Assertion{}

	if !v.read() || !v.envelope() {
		return nil
	}
	if v.restarts() {
		return &Result{Restart: true, Checks: v.result()}
	}
	if !v.assertionsRule() {
		return nil
	}
	if v.signature(); v.assertion.IsZero() || v.failed != "" && !recording {
		return nil
	}
	v.subject()
	v.noteDecrypted()
	v.issuers()
	v.conditions()
	v.destination()
	v.request()
	v.confirmed()
	v.times()
	v.statement()
	v.replay()
	v.nameID()
	if v.failed != "" {
		return nil
	}
	// One piece of memory for both.
	accepted := &struct {
		Result
		Assertion
	}{Assertion: v.out}
	v.complement(&accepted.Assertion)
	accepted.Result = Result{Assertion: &accepted.Assertion, Checks: v.result(), Decrypted: v.decrypted}
	return &accepted.Result
}

// result returns the checks of an accepted message, where they are wanted.
func (v *validation) result() []Check {
	if !v.recording || v.failed != "" {
		return nil
	}
	return v.complete()
}
