using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>What the client does, call by call.</summary>
    public sealed class ClientTests : IDisposable
    {
        private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

        private readonly MqttBroker broker = new MqttBroker();

        public void Dispose()
        {
            broker.Dispose();
        }

        private MqttClient Connected(Action<MqttClientOptions> change = null)
        {
            var options = new MqttClientOptions(broker.Url);
            change?.Invoke(options);
            var client = new MqttClient(options);
            client.Connect();
            return client;
        }

        [Test]
        public void Properties_go_there_and_back()
        {
            using (var client = Connected(options => options.WithReceive()))
            {
                client.Subscribe("a", MqttQoS.AtLeastOnce);
                var properties = new MqttProperties()
                    .Set(MqttPropertyId.ContentType, "text/plain")
                    .Set(MqttPropertyId.ResponseTopic, "answers")
                    .Set(MqttPropertyId.CorrelationData, new byte[] { 1, 0, 2 })
                    .Set(MqttPropertyId.PayloadFormatIndicator, 1)
                    .AddUser("name", "first").AddUser("name", "zweiter ü");
                client.Publish(new MqttPublication("a", "grüße")
                {
                    QoS = MqttQoS.AtLeastOnce,
                    Properties = properties,
                }).Wait();
                using (var message = client.Receive())
                {
                    Check.Equal("grüße", message.Text);
                    Check.Equal("text/plain", message.Properties.ContentType);
                    Check.Equal("answers", message.Properties.ResponseTopic);
                    Check.Equal(new byte[] { 1, 0, 2 }, message.Properties.CorrelationData);
                    Check.Equal(1, message.Properties.PayloadFormatIndicator);
                    var users = message.Properties.UserProperties.Select(pair => pair.Key + "=" + pair.Value);
                    Check.Equal(new[] { "name=first", "name=zweiter ü" }, users.ToArray());
                    Check.Throws<InvalidOperationException>(() => message.Properties.AddUser("a", "b"));
                }
            }
        }

        [Test]
        public void What_the_server_granted_is_all_there()
        {
            var options = MqttBrokerOptions.ForTest()
                .With(MqttBrokerSetting.ReceiveMaximum, 7)
                .With(MqttBrokerSetting.MaximumQoS, 1)
                .With(MqttBrokerSetting.RetainAvailable, 0)
                .With(MqttBrokerSetting.TopicAliasMaximum, 3)
                .With(MqttBrokerSetting.SharedAvailable, 0)
                .With(MqttBrokerSetting.KeepAliveMaxS, 20);
            Check.Equal(7UL, options.Get(MqttBrokerSetting.ReceiveMaximum));
            using (var strict = new MqttBroker(options))
            using (var client = new MqttClient(strict.Url))
            {
                Check.Equal(null, client.Connection);
                var connection = client.Connect();
                Check.Equal(MqttProtocol.Mqtt50, connection.Protocol);
                Check.Equal(7, connection.ReceiveMaximum);
                Check.Equal(MqttQoS.AtLeastOnce, connection.MaximumQoS);
                Check.True(!connection.RetainAvailable && !connection.SharedSubscriptionAvailable, "the limits");
                Check.True(connection.WildcardSubscriptionAvailable, "wildcards");
                Check.Equal(3, connection.TopicAliasMaximum);
                Check.Equal(TimeSpan.FromSeconds(20), connection.KeepAlive);
                Check.True(connection.ClientId.Length > 0, "that an identifier was assigned");
                Check.Equal(connection.ClientId, client.Connection.ClientId);
                var failure = Check.Throws<MqttException>(
                    () => client.Publish("a", "x", MqttQoS.ExactlyOnce));
                Check.Equal(MqttStatus.MaximumQoS, failure.Status);
                Check.True(client.IsConnected, "that the connection is untouched");
            }
        }

        [Test]
        public void Wrong_arguments_throw_at_the_call()
        {
            using (var client = Connected())
            {
                Check.Throws<ArgumentException>(() => client.Publish("a/#", "x"));
                Check.Throws<ArgumentException>(() => client.Publish("", "x"));
                Check.Throws<ArgumentException>(() => client.Publish("nul\0", "x"));
                Check.Throws<ArgumentException>(() => client.Publish("half\ud800", "x"));
                Check.Throws<ArgumentNullException>(() => client.Publish(null));
                Check.Throws<ArgumentException>(() => client.Subscribe("a/#/b", MqttQoS.AtMostOnce));
                Check.Throws<ArgumentException>(() => client.Subscribe("a", (MqttQoS)3));
                Check.Throws<ArgumentException>(() => client.PublishAsync("a/+", new byte[0]));
                Check.Throws<ArgumentException>(() => new MqttClientOptions("http://host"));
                Check.Throws<ArgumentException>(() => new MqttClientOptions("host", 70000));
                Check.Throws<ArgumentException>(() => new MqttClientOptions("host", 1).WithWindow(-1));
                Check.Throws<ArgumentException>(
                    () => new MqttClientOptions("host", 1).WithKeepAlive(TimeSpan.FromDays(1)));
                Check.Throws<InvalidOperationException>(() => client.Receive());
                Check.True(client.IsConnected, "that the connection is untouched");
            }
        }

        [Test]
        public void A_refusal_brings_reason_and_explanation()
        {
            using (var guarded = new MqttBroker(MqttBrokerOptions.ForTest().OnAuthenticate(request =>
                request.Peer.User == "ann" && Encoding.UTF8.GetString(request.Peer.Password) == "pässword"
                    ? MqttReason.Success : MqttReason.BadUserNameOrPassword)))
            {
                using (var client = new MqttClient(guarded.Url))
                {
                    var failures = new BlockingCollection<MqttException>();
                    client.ConnectFailed += (sender, closed) => failures.Add(closed.Error);
                    var failure = Check.Throws<MqttException>(() => client.Connect());
                    Check.Equal(MqttStatus.Refused, failure.Status);
                    Check.Equal(MqttStage.Mqtt, failure.Stage);
                    Check.Equal(MqttReason.BadUserNameOrPassword, failure.Reason);
                    Check.True(failure.IsRefused && !failure.IsTimeout, "what kind of failure it is");
                    Check.True(failures.TryTake(out var told, Soon), "that the event tells");
                    Check.Equal(MqttReason.BadUserNameOrPassword, told.Reason);
                    Check.Equal(MqttStatus.Refused, client.LastError.Status);
                }
                var options = new MqttClientOptions(guarded.Url).WithCredentials("ann", "pässword");
                using (var client = new MqttClient(options))
                {
                    client.Connect();
                }
            }
        }

        [Test]
        public void A_port_where_nobody_listens_is_a_failure_of_TCP()
        {
            broker.Dispose();
            using (var client = new MqttClient("mqtt://127.0.0.1:1"))
            {
                var failure = Check.Throws<MqttException>(() => client.Connect());
                Check.Equal(MqttStage.Tcp, failure.Stage);
                Check.True(failure.IsRetryable, "that it can succeed later");
                Check.True(failure.Message.Contains("127.0.0.1"), failure.Message);
            }
        }

        [Test]
        public void Each_subscription_has_its_handler()
        {
            using (var client = Connected())
            using (var seen = new BlockingCollection<string>())
            {
                client.MessageReceived += (sender, message) => seen.Add("rest " + message.Topic);
                client.Subscribe("a/#", MqttQoS.AtLeastOnce, message => seen.Add("a " + message.Topic));
                client.Subscribe("b", MqttQoS.AtLeastOnce, message => seen.Add("b " + message.Topic));
                client.Subscribe("c", MqttQoS.AtLeastOnce);
                foreach (var topic in new[] { "a/1", "b", "c" })
                {
                    client.Publish(topic, "x", MqttQoS.AtLeastOnce).Wait();
                }
                var got = Enumerable.Range(0, 3).Select(number => Take(seen)).ToArray();
                Check.Equal(new[] { "a a/1", "b b", "rest c" }, got);
                Check.True(client.Unsubscribe("a/#", "b").AllGranted, "that the server agrees");
                client.Subscribe("a/#", MqttQoS.AtLeastOnce);
                client.Publish("a/2", "x", MqttQoS.AtLeastOnce).Wait();
                Check.Equal("rest a/2", Take(seen));
            }
        }

        private static T Take<T>(BlockingCollection<T> from)
        {
            Check.True(from.TryTake(out var item, Soon), "that something comes");
            return item;
        }

        [Test]
        public void Handlers_that_throw_are_contained_and_reported()
        {
            using (var client = new MqttClient(broker.Url))
            using (var errors = new BlockingCollection<string>())
            using (var seen = new BlockingCollection<string>())
            {
                client.HandlerError += (sender, error) => errors.Add(error.Exception.Message);
                client.HandlerError += (sender, error) => throw new InvalidOperationException("again");
                client.ConnectionOpened += (sender, opened) => throw new InvalidOperationException("opened");
                client.MessageReceived += (sender, message) => throw new InvalidOperationException("message");
                client.MessageReceived += (sender, message) => seen.Add(message.Topic);
                client.Published += (sender, published) => throw new InvalidOperationException("published");
                client.ConnectionClosed += (sender, closed) => throw new InvalidOperationException("closed");
                client.Connect();
                client.Subscribe("a", MqttQoS.AtLeastOnce);
                client.Subscribe("b", MqttQoS.AtLeastOnce, message => throw new InvalidOperationException("own"));
                client.Post(new MqttPublication("a", "x") { QoS = MqttQoS.AtLeastOnce });
                client.Publish("b", "x", MqttQoS.AtLeastOnce).Wait();
                Check.Equal("a", Take(seen));
                client.Disconnect();
                var got = Enumerable.Range(0, 5).Select(number => Take(errors)).OrderBy(text => text).ToArray();
                Check.Equal(new[] { "closed", "message", "opened", "own", "published" }, got);
            }
        }

        [Test]
        public void A_will_has_its_delay_and_properties()
        {
            using (var quiet = new MqttBroker(MqttBrokerOptions.ForTest().WithVirtualTime()))
            using (var wills = quiet.Subscribe("will"))
            {
                var will = new MqttPublication("will", "gone")
                {
                    QoS = MqttQoS.AtLeastOnce,
                    Properties = new MqttProperties()
                        .Set(MqttPropertyId.WillDelayInterval, 30).Set(MqttPropertyId.ContentType, "text"),
                };
                var options = new MqttClientOptions(quiet.Url).WithClientId("device").WithSessionExpiry(100);
                using (var client = new MqttClient(options.WithWill(will)))
                {
                    client.Connect();
                    client.Abort();
                    quiet.WaitForClientToGo("device", Soon);
                }
                quiet.Advance(TimeSpan.FromSeconds(29));
                Check.True(!wills.TryReceive(TimeSpan.Zero, out _), "that the will waits");
                quiet.Advance(TimeSpan.FromSeconds(2));
                using (var message = wills.Receive(Soon))
                {
                    Check.Equal("gone", message.Text);
                    Check.Equal("text", message.Properties.ContentType);
                }
            }
        }

        [Test]
        public void Messages_are_acknowledged_by_hand()
        {
            using (var waiting = new BlockingCollection<MqttMessage>())
            using (var client = Connected(
                options => options.WithAcknowledge(MqttAcknowledge.Manually).WithReceiveMaximum(2)))
            {
                client.MessageReceived += (sender, message) => waiting.Add(message);
                client.Subscribe("a", MqttQoS.AtLeastOnce);
                for (var number = 0; number < 4; number++)
                {
                    broker.Publish(new MqttPublication("a", "" + number) { QoS = MqttQoS.AtLeastOnce });
                }
                var first = Take(waiting);
                var second = Take(waiting);
                // A SUBACK comes behind everything that the broker may send.
                client.Subscribe("b", MqttQoS.AtMostOnce);
                Check.Equal(0, waiting.Count, "how many come without an acknowledgement");
                first.Acknowledge();
                Check.Equal("2", Take(waiting).Text);
                using (var later = second.TakeAcknowledger())
                {
                    later.Reject(MqttReason.QuotaExceeded);
                    Check.Throws<InvalidOperationException>(() => later.Accept());
                }
                Check.Equal("3", Take(waiting).Text);
                first.Acknowledge();
                Check.True(broker.GetTranscript().Any(
                    packet => packet.FromClient && packet.Text.Contains("PUBACK") && packet.Bytes.Length > 4
                        && packet.Bytes[4] == (byte)MqttReason.QuotaExceeded), "that the refusal was sent");
            }
        }

        [Test]
        public void A_payload_is_streamed_both_ways()
        {
            const int size = 3000000;
            var data = new byte[size];
            new Random(5).NextBytes(data);
            using (var done = new BlockingCollection<byte[]>())
            using (var client = Connected(options => options.WithStreamAbove(100000)))
            {
                client.MessageReceived += (sender, message) =>
                {
                    using (var copy = new MemoryStream())
                    using (var payload = message.OpenPayload())
                    {
                        Check.Equal(0, message.Payload.Length);
                        Check.Equal((long)size, payload.Length);
                        payload.CopyTo(copy);
                        done.Add(copy.ToArray());
                    }
                };
                client.HandlerError += (sender, error) => done.Add(Encoding.UTF8.GetBytes(error.Exception.ToString()));
                client.Subscribe("big", MqttQoS.AtLeastOnce);
                var message1 = new MqttPublication("big", "") { QoS = MqttQoS.AtLeastOnce };
                // The broker takes 2,000,000 bytes unless told otherwise.
                using (var large = new MqttBroker(
                    MqttBrokerOptions.ForTest().With(MqttBrokerSetting.MaximumPacketSize, 10000000)))
                using (var other = new MqttClient(new MqttClientOptions(large.Url).WithStreamAbove(100000)))
                {
                    other.MessageReceived += (sender, message) =>
                    {
                        using (var copy = new MemoryStream())
                        {
                            message.OpenPayload().CopyTo(copy);
                            done.Add(copy.ToArray());
                        }
                    };
                    other.Connect();
                    other.Subscribe("big", MqttQoS.AtLeastOnce);
                    other.Publish(message1, new MemoryStream(data), size).Wait();
                    Check.True(data.SequenceEqual(Take(done)), "that all bytes arrive");
                }
                var failure = Check.Throws<IOException>(
                    () => client.Publish(message1, new MemoryStream(new byte[10]), 1000));
                Check.True(failure.Message.Length > 0, "that it is said");
                Check.Eventually(() => !client.IsConnected, "the end of a connection with half a message");
            }
        }

        [Test]
        public void Disconnecting_drains_or_says_what_is_left()
        {
            using (var slow = new MqttBroker())
            {
                slow.BreakConnection("slow", MqttConnectionFault.HalfOpen);
                var options = new MqttClientOptions(slow.Url).WithClientId("slow")
                    .WithConnectTimeout(TimeSpan.FromMilliseconds(300));
                using (var client = new MqttClient(options))
                {
                    var failure = Check.Throws<MqttException>(() => client.Connect());
                    Check.True(failure.IsTimeout, failure.Message);
                }
            }
            using (var fast = Connected())
            using (var counted = broker.Subscribe("n"))
            {
                for (var number = 0; number < 1000; number++)
                {
                    fast.Send(new MqttPublication("n", "" + number) { QoS = (MqttQoS)(number % 3) });
                }
                var left = fast.Disconnect(TimeSpan.FromSeconds(10));
                Check.Equal(0, left.Messages.Count, "what is left");
                for (var number = 0; number < 1000; number++)
                {
                    counted.Receive(Soon).Dispose();
                }
            }
        }

        [Test]
        public void What_is_left_is_handed_back()
        {
            broker.BreakConnection("deaf", MqttConnectionFault.CutAfterReceiving, 1000000);
            using (var client = Connected(options => options.WithClientId("deaf").WithWindow(100)))
            {
                broker.BreakMessages("lost", MqttMessageFault.DropMessages);
                var filler = new byte[20000];
                for (var number = 0; number < 20; number++)
                {
                    client.TryPublish(new MqttPublication("t", filler) { QoS = MqttQoS.ExactlyOnce }, out _);
                }
                var left = client.Disconnect(TimeSpan.Zero);
                foreach (var message in left.Messages)
                {
                    Check.Equal("t", message.Message.Topic);
                    Check.True(message.IsKept, "that QoS 2 is kept");
                    Check.Equal(filler.Length, message.Message.Payload.Count);
                }
            }
        }

        [Test]
        public void The_server_s_goodbye_is_told_before_the_end()
        {
            using (var client = Connected(options => options.WithClientId("guest")))
            using (var told = new BlockingCollection<string>())
            {
                client.ServerDisconnected += (sender, closed) => told.Add("server " + closed.Error.Reason);
                client.ConnectionClosed += (sender, closed) => told.Add("closed " + closed.Error.Status);
                Check.True(broker.Disconnect("guest", MqttReason.ServerMoved), "that it was there");
                Check.Equal("server ServerMoved", Take(told));
                Check.Equal("closed ServerDisconnected", Take(told));
                Check.True(!broker.Disconnect("guest"), "that it is gone");
            }
        }

        [Test]
        public void Statistics_packets_and_log_are_told()
        {
            var lines = new ConcurrentQueue<string>();
            EventHandler<MqttLogEventArgs> handler = (sender, line) => lines.Enqueue(line.Text);
            MqttLog.Logged += handler;
            MqttLog.Level = MqttLogLevel.Debug;
            try
            {
                using (var client = Connected(options => options.WithPacketTrace()))
                {
                    var packets = new ConcurrentQueue<string>();
                    client.PacketTraced += (sender, packet) => packets.Enqueue(packet.Direction + packet.Text);
                    client.Subscribe("a", MqttQoS.ExactlyOnce);
                    client.Publish("a", "secret", MqttQoS.ExactlyOnce).Wait();
                    Check.Eventually(() => packets.Any(text => text.StartsWith("Sent") && text.Contains("PUBLISH")), "the packet");
                    Check.Eventually(() => client.GetStatistics().MessagesReceived == 1, "the message");
                    var statistics = client.GetStatistics();
                    Check.Equal(1UL, statistics.MessagesSentAt(MqttQoS.ExactlyOnce));
                    Check.Equal(1UL, statistics.Connects);
                    Check.True(!packets.Any(text => text.Contains("secret")), "that payloads are not shown");
                }
                Check.Eventually(() => lines.Count > 0, "a line of the log");
            }
            finally
            {
                MqttLog.Level = MqttLogLevel.Off;
                MqttLog.Logged -= handler;
            }
        }

        [Test]
        public void Topics_are_checked_and_matched_without_a_client()
        {
            Check.True(MqttTopic.IsName("a/b") && !MqttTopic.IsName("a/+") && !MqttTopic.IsName(""), "names");
            Check.True(MqttTopic.IsFilter("a/+/#") && !MqttTopic.IsFilter("a#"), "filters");
            Check.True(MqttTopic.Matches("a/+", "a/b") && !MqttTopic.Matches("a/+", "a/b/c"), "matching");
            Check.Throws<ArgumentException>(() => MqttTopic.Matches("a#", "a"));
        }

        [Test]
        public void A_resolver_of_the_program_is_asked()
        {
            var port = broker.Port;
            var options = new MqttClientOptions("no.such.host", 1).WithResolver((host, asked) =>
            {
                Check.Equal("no.such.host", host);
                return new[] { new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, port) };
            });
            using (var client = new MqttClient(options))
            {
                client.Connect();
            }
        }
    }
}
