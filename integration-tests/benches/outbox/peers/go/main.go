// Drains a backlog with github.com/oagudo/outbox, for comparison.
//
// The publisher is that of its example for PostgreSQL and Kafka: segmentio/kafka-go, one message per
// call. The settings are tuned, because both wait by default: a writer of kafka-go delays a message
// for a second, so here it writes each at once (BatchSize 1); and a reader reads 100 messages every
// 10 s, so here it polls every millisecond, and reads and deletes 1000. The library has one reader,
// publishes message by message, and has no batches.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/oagudo/outbox"
	"github.com/segmentio/kafka-go"
)

const (
	// Drained before anything is measured.
	warmUp = 5000
	batch  = 1000
)

// The table in its documentation.
const tables = `
CREATE TABLE outbox (
	id UUID PRIMARY KEY,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	scheduled_at TIMESTAMP WITH TIME ZONE NOT NULL,
	metadata BYTEA,
	payload BYTEA NOT NULL,
	times_attempted INTEGER NOT NULL
);
CREATE INDEX idx_outbox_created_at ON outbox (created_at);
CREATE INDEX idx_outbox_scheduled_at ON outbox (scheduled_at);`

// A message has no key of its own, so the metadata is the key.
const backlog = `
INSERT INTO outbox
SELECT gen_random_uuid(), now() + n * interval '1 microsecond', now(),
	convert_to((n % 10000)::text, 'UTF8'), convert_to(repeat('x', 1024), 'UTF8'), 0
FROM generate_series(1, $1::int) n`

type publisher struct {
	writer    *kafka.Writer
	published atomic.Int64
}

func (p *publisher) Publish(ctx context.Context, message *outbox.Message) error {
	err := p.writer.WriteMessages(ctx, kafka.Message{Key: message.Metadata, Value: message.Payload})
	if err == nil {
		p.published.Add(1)
	}
	return err
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("arguments: database URL, brokers, topic, number of events")
	}
	events, err := strconv.Atoi(os.Args[4])
	check(err)
	db, err := sql.Open("pgx", os.Args[1])
	check(err)
	p := &publisher{writer: &kafka.Writer{
		Addr:         kafka.TCP(os.Args[2]),
		Topic:        os.Args[3],
		Balancer:     kafka.Murmur2Balancer{},
		RequiredAcks: kafka.RequireAll,
		BatchSize:    1,
	}}
	_, err = db.Exec(tables)
	check(err)

	fill(db, warmUp)
	drain(db, p, warmUp)
	fill(db, events)
	fmt.Println("ready")
	_, err = bufio.NewReader(os.Stdin).ReadString('\n')
	check(err)
	fmt.Println(events, drain(db, p, events).Milliseconds())
}

func fill(db *sql.DB, events int) {
	_, err := db.Exec(backlog, events)
	check(err)
}

// Waits until all are acknowledged and their rows are deleted.
func drain(db *sql.DB, p *publisher, events int) time.Duration {
	p.published.Store(0)
	begun := time.Now()
	reader := outbox.NewReader(outbox.NewDBContext(db, outbox.SQLDialectPostgres), p,
		outbox.WithInterval(time.Millisecond),
		outbox.WithReadBatchSize(batch),
		outbox.WithDeleteBatchSize(batch))
	reader.Start()
	go func() {
		for err := range reader.Errors() {
			// Stop cancels a look at the empty table.
			if !errors.Is(err, context.Canceled) {
				log.Fatal(err)
			}
		}
	}()
	for p.published.Load() < int64(events) || !empty(db) {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(begun)
	check(reader.Stop(context.Background()))
	return took
}

func empty(db *sql.DB) bool {
	var some bool
	check(db.QueryRow("SELECT EXISTS (SELECT FROM outbox)").Scan(&some))
	return !some
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
