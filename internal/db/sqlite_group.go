package db

import (
	"cmp"
	"container/list"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/internal/fault"
)

// Group commit. A flush to disk takes a hundred times as long as the statements
// of a sign-in, so Updates that wait for the write connection share one.
//
// Who holds the baton owns the connection, alone. A member of a group runs its
// function, and passes the baton to the next in line together with the open
// transaction. When nobody waits, or the group is large or old enough, one of
// its members commits, and all of them learn how that ended.
//
// A member that fails takes back its own changes and leaves at once. The first
// of a group simply rolls back; each later one has a savepoint to go back to.
// An Update that nobody waits behind costs a begin and a commit, no more.

const (
	groupSize  = 64
	groupAge   = 20 * time.Millisecond
	queueLimit = 30 * time.Second
)

// A group is a transaction that several Updates share. Whoever holds the baton
// may use it, but done and commit, on which members wait.
type group struct {
	conn    *sql.Conn
	closes  time.Time // for members more
	members int       // that ran and did not fail

	commit chan struct{} // holds the order to commit, for any one member
	done   chan struct{} // closed when err is final
	err    error
}

func (s *sqliteEngine) update(ctx context.Context, run runner) error {
	g, err := s.turns.await(ctx)
	if err != nil {
		return err
	}
	if g == nil {
		if g, err = s.begin(ctx); err != nil {
			s.turns.pass(nil)
			return err
		}
	}
	if err := s.join(ctx, g, run); err != nil {
		return err
	}
	select {
	case <-g.commit:
		s.finish(g)
	case <-g.done:
	}
	return g.err
}

// join runs one member and passes the baton on, whatever becomes of the member.
func (s *sqliteEngine) join(ctx context.Context, g *group, run runner) (err error) {
	joined := false
	defer func() { // if run panics, too
		if joined {
			g.members++
		} else {
			g = s.leave(g, err)
		}
		s.turns.pass(g)
	}()
	if g.members > 0 {
		if err := g.exec("savepoint member"); err != nil {
			return err
		}
	}
	// A statement that is interrupted undoes the whole transaction, and with
	// it what other members did: cancelling takes effect between statements.
	if err, _ := run(context.WithoutCancel(ctx), g.conn); err != nil {
		return err
	}
	if g.members > 0 {
		if err := g.exec("release member"); err != nil {
			return err
		}
	}
	joined = true
	return nil
}

// leave takes back what a member did before it failed with cause, which is nil
// after a panic. It returns the group if others are in it.
func (s *sqliteEngine) leave(g *group, cause error) *group {
	if g.members == 0 {
		g.roll()
		return nil
	}
	err := g.exec("rollback to member")
	if err == nil {
		err = g.exec("release member")
	}
	if err != nil {
		// A full disk, for one, undoes more than the statement it hits.
		g.roll()
		g.settle(fmt.Errorf("db: the shared transaction was lost: %w", cmp.Or(cause, err)))
		return nil
	}
	return g
}

// begin starts a group.
func (s *sqliteEngine) begin(ctx context.Context) (*group, error) {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "begin immediate"); err != nil {
		discard(conn) // it may have begun all the same
		if isBusy(err) {
			return nil, fault.Wrap(err, fault.Overloaded, "")
		}
		return nil, withoutValues(err)
	}
	return &group{
		conn: conn, closes: time.Now().Add(s.turns.age),
		commit: make(chan struct{}, 1), done: make(chan struct{}),
	}, nil
}

// finish commits a group and frees the connection. Nobody else can be using
// it: the order to commit is the baton.
func (s *sqliteEngine) finish(g *group) {
	err := g.exec("commit")
	if err != nil {
		g.roll()
	} else {
		g.conn.Close()
		s.turns.commits.Add(1)
	}
	g.settle(err)
	s.turns.pass(nil)
}

func (g *group) exec(statement string) error {
	if _, err := g.conn.ExecContext(context.Background(), statement); err != nil {
		return withoutValues(err)
	}
	return nil
}

// roll ends the transaction without effect and gives the connection back.
func (g *group) roll() {
	rollback(g.conn)
	g.conn.Close()
}

func (g *group) settle(err error) {
	g.err = err
	close(g.done)
}

// full reports whether the group must commit before another member joins.
func (g *group) full() bool {
	return g.members >= groupSize || time.Now().After(g.closes)
}

// A queue passes the baton in the order in which it was asked for.
type queue struct {
	limit   time.Duration // of waiting for a turn
	age     time.Duration // at which a group takes no more members
	commits atomic.Uint64

	mu      sync.Mutex
	held    bool
	waiting list.List // of chan *group
}

// await returns when the caller holds the baton, with the open group if there
// is one. The caller has to pass it on.
func (q *queue) await(ctx context.Context) (*group, error) {
	q.mu.Lock()
	if !q.held {
		q.held = true
		q.mu.Unlock()
		return nil, nil
	}
	turn := make(chan *group, 1)
	place := q.waiting.PushBack(turn)
	q.mu.Unlock()

	timer := time.NewTimer(q.limit)
	defer timer.Stop()
	select {
	case g := <-turn:
		return g, nil
	case <-ctx.Done():
		q.abandon(place)
		return nil, ctx.Err()
	case <-timer.C:
		q.abandon(place)
		return nil, fault.Wrap(errors.New("db: no turn to write in time; is an Update inside an Update?"), fault.Overloaded, "")
	}
}

// abandon gives up a place in the queue. If the baton came in the meantime it
// goes on to the next.
func (q *queue) abandon(place *list.Element) {
	turn := place.Value.(chan *group)
	q.mu.Lock()
	select {
	case g := <-turn:
		q.mu.Unlock()
		q.pass(g)
	default:
		q.waiting.Remove(place)
		q.mu.Unlock()
	}
}

// pass hands the baton and the open group, if there is one, to the next in
// line, or orders the group to commit, or lays the baton down.
func (q *queue) pass(g *group) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if next := q.waiting.Front(); next != nil && (g == nil || !g.full()) {
		q.waiting.Remove(next)
		next.Value.(chan *group) <- g
		return
	}
	if g != nil {
		g.commit <- struct{}{}
		return
	}
	q.held = false
}
