using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>Everything can be called inside every handler, and nothing comes before it should.</summary>
    public sealed class CallbackTests
    {
        private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

        // All calls that wait, one after the other.
        private static void CallEverything(MqttClient client)
        {
            foreach (MqttQoS qos in Enum.GetValues(typeof(MqttQoS)))
            {
                client.Publish("inside", "x", qos).Wait(Soon);
                client.PublishAsync("inside", new byte[1], qos);
                client.Post(new MqttPublication("inside", "x") { QoS = qos });
                client.Subscribe("other/" + qos, qos, message => { });
            }
            client.Unsubscribe("other/AtMostOnce", "other/AtLeastOnce");
            client.GetStatistics();
            client.Disconnect();
            client.Connect();
            client.Abort();
            client.Reconnect();
            client.Subscribe("other/again", MqttQoS.AtLeastOnce);
        }

        [Test(Seconds = 60)]
        [Case("opened")]
        [Case("message")]
        [Case("own")]
        [Case("published")]
        [Case("subscribed")]
        [Case("unsubscribed")]
        [Case("closed")]
        public void Every_call_inside_a_handler(string where)
        {
            using (var broker = new MqttBroker())
            using (var client = new MqttClient(broker.Url))
            using (var done = new ManualResetEvent(false))
            {
                Exception failed = null;
                var calls = 0;
                Action inside = () =>
                {
                    if (Interlocked.Increment(ref calls) > 1)
                    {
                        return;
                    }
                    try
                    {
                        if (where == "closed")
                        {
                            client.Connect();
                        }
                        CallEverything(client);
                    }
                    catch (Exception exception)
                    {
                        failed = exception;
                    }
                    done.Set();
                };
                Attach(client, where, inside);
                client.Connect();
                if (where != "opened")
                {
                    Provoke(client, where, inside);
                }
                Check.Signalled(done, "the end of all calls", 50);
                Check.Equal(null, failed);
                Check.True(client.IsConnected, "that the client still works");
            }
        }

        private static void Attach(MqttClient client, string where, Action inside)
        {
            switch (where)
            {
                case "opened":
                    client.ConnectionOpened += (sender, arguments) => inside();
                    break;
                case "message":
                    client.MessageReceived += (sender, message) => inside();
                    break;
                case "published":
                    client.Published += (sender, arguments) => inside();
                    break;
                case "subscribed":
                    client.Subscribed += (sender, arguments) => inside();
                    break;
                case "unsubscribed":
                    client.Unsubscribed += (sender, arguments) => inside();
                    break;
                case "closed":
                    client.ConnectionClosed += (sender, arguments) => inside();
                    break;
            }
        }

        private static void Provoke(MqttClient client, string where, Action inside)
        {
            switch (where)
            {
                case "message":
                    client.Subscribe("a", MqttQoS.ExactlyOnce);
                    client.Send(new MqttPublication("a", "x") { QoS = MqttQoS.ExactlyOnce });
                    break;
                case "own":
                    client.Subscribe("a", MqttQoS.ExactlyOnce, message => inside());
                    client.Send(new MqttPublication("a", "x") { QoS = MqttQoS.ExactlyOnce });
                    break;
                case "published":
                    client.Post(new MqttPublication("a", "x") { QoS = MqttQoS.ExactlyOnce });
                    break;
                case "subscribed":
                    client.PostSubscribe(new MqttSubscription("a"));
                    break;
                case "unsubscribed":
                    client.PostUnsubscribe("a");
                    break;
                case "closed":
                    client.Disconnect();
                    break;
            }
        }

        [Test(Seconds = 60)]
        public void Connecting_inside_ConnectionClosed_through_100_losses()
        {
            using (var broker = new MqttBroker())
            using (var client = new MqttClient(new MqttClientOptions(broker.Url).WithClientId("back")))
            using (var back = new BlockingCollection<bool>())
            {
                client.ConnectionClosed += (sender, closed) =>
                {
                    client.Connect();
                    back.Add(client.IsConnected);
                };
                client.Connect();
                for (var round = 0; round < 100; round++)
                {
                    broker.WaitForClient("back", Soon);
                    Check.True(broker.Disconnect("back"), "that it was there");
                    Check.True(back.TryTake(out var connected, Soon) && connected, "that it is back, " + round);
                }
            }
        }

        [Test(Seconds = 60)]
        public void Each_outcome_comes_once_and_finds_its_number()
        {
            const int count = 5000;
            using (var broker = new MqttBroker())
            using (var client = new MqttClient(broker.Url))
            {
                var outcomes = new ConcurrentDictionary<ulong, int>();
                client.Published += (sender, published) => outcomes.AddOrUpdate(published.Id, 1, (id, times) => times + 1);
                client.Connect();
                var numbers = new ConcurrentBag<ulong>();
                var threads = Enumerable.Range(0, 4).Select(index => new Thread(() =>
                {
                    for (var number = 0; number < count; number++)
                    {
                        numbers.Add(client.Post(new MqttPublication("a", "x") { QoS = (MqttQoS)(number % 3) }));
                    }
                })).ToList();
                threads.ForEach(thread => thread.Start());
                threads.ForEach(thread => thread.Join());
                Check.Eventually(() => outcomes.Count == 4 * count, "the last outcome", 50);
                Check.Equal(4 * count, numbers.Distinct().Count(), "how many numbers there are");
                Check.True(numbers.All(number => outcomes[number] == 1), "that each has one outcome");
                Check.True(numbers.All(number => number != 0), "that none is 0");
            }
        }

        [Test]
        [Case("never", MqttQoS.AtMostOnce)]
        [Case("never", MqttQoS.AtLeastOnce)]
        [Case("never", MqttQoS.ExactlyOnce)]
        [Case("after", MqttQoS.AtMostOnce)]
        [Case("after", MqttQoS.AtLeastOnce)]
        [Case("after", MqttQoS.ExactlyOnce)]
        public void Publishing_without_a_connection_is_an_error(string state, MqttQoS qos)
        {
            using (var broker = new MqttBroker())
            using (var client = new MqttClient(broker.Url))
            {
                if (state == "after")
                {
                    client.Connect();
                    client.Disconnect();
                }
                var message = new MqttPublication("a", "x") { QoS = qos };
                var calls = new Action[]
                {
                    () => client.Publish(message), () => client.Send(message), () => client.Post(message),
                    () => client.TryPublish(message, out _), () => client.TryPost(message),
                };
                foreach (var call in calls)
                {
                    var failure = Check.Throws<MqttException>(call);
                    Check.Equal(MqttStatus.NotConnected, failure.Status);
                    Check.True(failure.IsDisconnected, "what kind of failure it is");
                }
                Check.Equal(0UL, client.GetStatistics().MessagesSent);
            }
        }

        [Test]
        public void What_is_in_flight_when_the_connection_is_lost_is_sent_again()
        {
            using (var broker = new MqttBroker())
            using (var got = broker.Subscribe("a"))
            {
                var options = new MqttClientOptions(broker.Url).WithClientId("kept").WithSessionExpiry(60);
                broker.BreakConnection("kept", MqttConnectionFault.CutAfterReceiving, 200);
                using (var client = new MqttClient(options))
                {
                    client.Connect();
                    var deliveries = new List<MqttDelivery>();
                    try
                    {
                        for (var number = 0; number < 10; number++)
                        {
                            deliveries.Add(client.Publish("a", new byte[100], MqttQoS.ExactlyOnce));
                        }
                    }
                    catch (MqttException exception) when (exception.IsDisconnected)
                    {
                        // The connection was cut before the last of them; those that were accepted count.
                    }
                    Check.Eventually(() => !client.IsConnected, "the loss");
                    broker.Repair();
                    client.Reconnect();
                    deliveries.ForEach(delivery => delivery.Wait(Soon));
                    Check.True(deliveries.Count > 1, "that some were accepted");
                    deliveries.ForEach(delivery => got.Receive(Soon).Dispose());
                    Check.True(!got.TryReceive(TimeSpan.Zero, out _), "that nothing comes twice");
                }
            }
        }

        [Test]
        public void A_client_connects_and_subscribes_again_by_itself()
        {
            using (var broker = new MqttBroker())
            using (var seen = new BlockingCollection<string>())
            {
                var policy = new MqttReconnectPolicy { FirstDelay = TimeSpan.FromMilliseconds(5) };
                var options = new MqttClientOptions(broker.Url).WithClientId("stays").WithReconnect(policy);
                using (var client = new MqttClient(options))
                {
                    var will = new BlockingCollection<bool>();
                    client.ConnectionClosed += (sender, closed) => will.Add(closed.WillReconnect);
                    client.Connect();
                    client.Subscribe("own", MqttQoS.AtLeastOnce, message => seen.Add("own"));
                    client.SubscribeAsync(new MqttSubscription("plain", MqttQoS.AtLeastOnce)).Wait(Soon);
                    client.Subscribe("dropped", MqttQoS.AtLeastOnce, message => seen.Add("dropped"));
                    client.Unsubscribe("dropped");
                    client.MessageReceived += (sender, message) => seen.Add("rest " + message.Topic);
                    for (var round = 0; round < 5; round++)
                    {
                        broker.Disconnect("stays");
                        Check.True(will.TryTake(out var again, Soon) && again, "that it says so");
                        broker.WaitForSubscription("stays", "own", Soon);
                        broker.WaitForSubscription("stays", "plain", Soon);
                        foreach (var topic in new[] { "dropped", "own", "plain" })
                        {
                            broker.Publish(new MqttPublication(topic, "x"));
                        }
                        Check.True(seen.TryTake(out var first, Soon), "the first message");
                        Check.True(seen.TryTake(out var second, Soon), "the second message");
                        Check.Equal(new[] { "own", "rest plain" }, new[] { first, second });
                    }
                    client.Disconnect();
                    Check.True(will.TryTake(out var last, Soon) && !last, "that it stays away");
                }
            }
        }

        // The end of a connection can be told before the attempt that made it has come back.
        [Test(Seconds = 600)]
        public void A_connection_that_ends_at_once_does_not_end_the_reconnecting()
        {
            const int Clients = 40;
            const int Rounds = 200;
            var connects = new ConcurrentDictionary<string, int>();
            using (var broker = new MqttBroker())
            using (var all = new CountdownEvent(Clients))
            {
                var policy = new MqttReconnectPolicy { FirstDelay = TimeSpan.FromMilliseconds(5) };
                var clients = Enumerable.Range(0, Clients).Select(number => new MqttClient(
                    new MqttClientOptions(broker.Url).WithClientId("c" + number).WithReconnect(policy))).ToList();
                foreach (var client in clients)
                {
                    var id = "c" + clients.IndexOf(client);
                    client.ConnectionOpened += (sender, opened) =>
                    {
                        var round = connects.AddOrUpdate(id, 1, (key, count) => count + 1);
                        if (round == Rounds)
                        {
                            all.Signal();
                        }
                        else if (round < Rounds)
                        {
                            broker.Disconnect(id);
                        }
                    };
                    client.Connect();
                }
                // However slow this machine is, some come back all the time, unless none does any more.
                bool came;
                for (var before = -1; !(came = all.Wait(TimeSpan.FromSeconds(20))) && before < Sum(connects);)
                {
                    before = Sum(connects);
                }
                clients.ForEach(client => client.Dispose());
                Check.True(came, "that all came back each time; left are " + string.Join(" ", connects.Where(
                    entry => entry.Value < Rounds).Select(entry => entry.Key + ": " + entry.Value)));
            }
        }

        private static int Sum(ConcurrentDictionary<string, int> counts)
        {
            return counts.Values.Sum();
        }

        [Test]
        public void Pauses_double_up_to_the_longest_and_vary()
        {
            var policy = new MqttReconnectPolicy
            {
                FirstDelay = TimeSpan.FromSeconds(1),
                MaximumDelay = TimeSpan.FromSeconds(10),
            };
            var longest = Enumerable.Range(0, 7).Select(attempt => policy.Delay(attempt, 0).TotalSeconds);
            Check.Equal(new[] { 0.0, 1, 2, 4, 8, 10, 10 }, longest.ToArray());
            Check.Equal(TimeSpan.FromSeconds(5), policy.Delay(100, 1));
        }
    }
}
