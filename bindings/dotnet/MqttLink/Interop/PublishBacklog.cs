using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace MqttLink.Interop
{
    /// <summary>
    /// Messages that are published without blocking: at once if there is room, otherwise in order by a thread that
    /// lives as long as there are any.
    /// </summary>
    internal sealed class PublishBacklog
    {
        internal const int Maximum = 65536;

        /// <summary>Publishes a message, waiting for room at most so many milliseconds.</summary>
        internal delegate MqttStatus Poster(MqttPublication message, long milliseconds, out ulong id);

        private readonly Queue<Entry> waiting = new Queue<Entry>();
        private readonly Poster post;
        private readonly PendingAnswers<MqttPublishResult> answers;
        private bool isRunning;

        internal PublishBacklog(Poster post, PendingAnswers<MqttPublishResult> answers)
        {
            this.post = post;
            this.answers = answers;
        }

        internal Task<MqttPublishResult> Publish(MqttPublication message, CancellationToken cancellation)
        {
            lock (waiting)
            {
                if (!isRunning)
                {
                    var status = post(message, 0, out var id);
                    if (status == MqttStatus.Ok)
                    {
                        return answers.Wait(id, cancellation);
                    }
                    var full = status == MqttStatus.WindowFull || status == MqttStatus.BufferFull
                        || status == MqttStatus.NoPacketId;
                    if (!full)
                    {
                        var failure = MqttException.Last(status).Suited();
                        return failure is ArgumentException
                            ? throw failure
                            : Task.FromException<MqttPublishResult>(failure);
                    }
                }
                return Enqueue(message, cancellation);
            }
        }

        private Task<MqttPublishResult> Enqueue(MqttPublication message, CancellationToken cancellation)
        {
            if (waiting.Count == Maximum)
            {
                return Task.FromException<MqttPublishResult>(MqttException.Local(
                    MqttStatus.BufferFull, Maximum + " messages wait already to be published; await some of them"));
            }
            var source = PendingAnswers<MqttPublishResult>.NewSource();
            PendingAnswers<MqttPublishResult>.Watch(source, cancellation, () => { });
            waiting.Enqueue(new Entry { Message = Copy(message), Source = source });
            if (!isRunning)
            {
                isRunning = true;
                OwnThread.Start("mqttlink publish", Run);
            }
            return source.Task;
        }

        // The caller may use its array again.
        private static MqttPublication Copy(MqttPublication message)
        {
            var payload = new byte[message.Payload.Count];
            Buffer.BlockCopy(message.Payload.Array, message.Payload.Offset, payload, 0, payload.Length);
            return new MqttPublication(message.Topic, payload)
            {
                QoS = message.QoS,
                Retain = message.Retain,
                Properties = message.Properties,
            };
        }

        private void Run()
        {
            while (true)
            {
                Entry next;
                lock (waiting)
                {
                    if (waiting.Count == 0)
                    {
                        isRunning = false;
                        return;
                    }
                    next = waiting.Dequeue();
                }
                Send(next);
            }
        }

        private void Send(Entry next)
        {
            if (next.Source.Task.IsCompleted)
            {
                return;
            }
            try
            {
                MqttException.Check(post(next.Message, Limits.Default, out var id));
                answers.Attach(id, next.Source);
            }
            catch (Exception exception)
            {
                next.Source.TrySetException(exception);
            }
        }

        private struct Entry
        {
            internal MqttPublication Message;
            internal TaskCompletionSource<MqttPublishResult> Source;
        }
    }
}
