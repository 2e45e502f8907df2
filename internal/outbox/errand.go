package outbox

import (
	"context"
	"encoding/json"
	"fmt"

	"sallyport/internal/db"
)

// An errand is done after the commit, as mails are sent: where an answer must
// not tell, by its time either, what there was to do. It is kept encrypted until
// it is done, tried again when it fails, and can be done twice.

// An Errand does what was asked for. Input is the JSON that was given.
type Errand func(ctx context.Context, input json.RawMessage) error

// Handle says how errands of a name are done. It comes before [Outbox.Run].
func (o *Outbox) Handle(name string, e Errand) { o.errands[Kind(errandMark+name)] = e }

// errandMark tells the kind of an errand from that of a letter.
const errandMark = "errand:"

// Send writes an errand in the transaction of who asks for it.
func (o *Outbox) Send(tx *db.Tx, name string, input any) error {
	kind := Kind(errandMark + name)
	if o.errands[kind] == nil {
		return fmt.Errorf("outbox: nobody does the errand %q", name)
	}
	plain, err := json.Marshal(input)
	if err != nil {
		return err
	}
	return o.write(tx, kind, plain, tx.Now().Add(giveUpAfter))
}

// do does an errand. Those of another release are left to it.
func (o *Outbox) do(ctx context.Context, p *parcel, do Errand, input []byte) {
	if err := do(ctx, input); err != nil {
		o.failed(p, err)
		return
	}
	o.settle(func(tx *db.Tx) error { return remove(tx, p) })
}
