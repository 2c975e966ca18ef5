// Consumes or produces by github.com/twmb/franz-go, to be compared with.
//
// Its settings are its defaults but for three. Nothing is compressed, as by the others: its default is
// snappy. As many messages wait to be sent as in ours: by its default a tenth of that. What was marked
// is committed as often as by ours: its default is every 5 s.
//
// It prints how many messages it was, and the microseconds that they took.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	if len(os.Args) != 6 {
		log.Fatal("arguments: what to do, brokers, topic, group or file, number of messages")
	}
	task, brokers, topic, last := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	messages, err := strconv.Atoi(os.Args[5])
	check(err)
	var count int
	var took time.Duration
	switch task {
	case "mark-each":
		count, took = consume(brokers, topic, last, messages, markEach)
	case "mark-poll":
		count, took = consume(brokers, topic, last, messages, markPoll)
	case "produce":
		count, took = produce(brokers, topic, last, messages)
	default:
		log.Fatalf("it does not know how to %s", task)
	}
	fmt.Println(count, took.Microseconds())
}

// Counts the messages of a poll, and marks each when it is done.
func markEach(client *kgo.Client, fetches kgo.Fetches) int {
	count := 0
	fetches.EachRecord(func(record *kgo.Record) {
		count++
		client.MarkCommitRecords(record)
	})
	return count
}

// Counts the messages of a poll, then marks them together.
func markPoll(client *kgo.Client, fetches kgo.Fetches) int {
	records := fetches.Records()
	client.MarkCommitRecords(records...)
	return len(records)
}

// The time runs from the first poll that has a message until all are marked.
func consume(
	brokers, topic, group string, messages int, mark func(*kgo.Client, kgo.Fetches) int,
) (int, time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers),
		kgo.ConsumeTopics(topic),
		kgo.ConsumerGroup(group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(100*time.Millisecond),
	)
	check(err)
	count := 0
	var first time.Time
	for count < messages {
		fetches := client.PollFetches(ctx)
		check(fetches.Err())
		if count == 0 {
			first = time.Now()
		}
		count += mark(client, fetches)
	}
	took := time.Since(first)
	check(client.CommitMarkedOffsets(ctx))
	client.Close()
	return count, took
}

// The time runs from the first call until all are acknowledged.
func produce(brokers, topic, file string, messages int) (int, time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	text, err := os.ReadFile(file)
	check(err)
	payloads := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers),
		kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MaxBufferedRecords(100_000),
	)
	check(err)
	var acknowledged atomic.Int64
	delivered := func(_ *kgo.Record, err error) {
		check(err)
		acknowledged.Add(1)
	}
	begun := time.Now()
	for n := range messages {
		client.Produce(ctx, &kgo.Record{Value: payloads[n%len(payloads)]}, delivered)
	}
	check(client.Flush(ctx))
	took := time.Since(begun)
	client.Close()
	return int(acknowledged.Load()), took
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
