using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using MqttLink.TestRunner;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;
using Classic = uPLibrary.Networking.M2Mqtt;

namespace M2Mqtt.Tests
{
    /// <summary>Several handlers of one event: each is called, whatever the others do, and what they throw is
    /// reported.</summary>
    public sealed class HandlerTests
    {
        private static readonly string[] Events =
        {
            "Authentication", "ConnectionClosed", "ConnectionClosedRequest", "ConnectionOpened", "MqttMsgPublishReceived",
            "MqttMsgPublished", "MqttMsgSubscribed", "MqttMsgUnsubscribed"
        };

        /// <summary>What was called, in order, and what was reported.</summary>
        private sealed class Notes
        {
            private readonly List<string> called = new List<string>();
            private readonly List<string> reported = new List<string>();

            internal void Call(string name)
            {
                Add(called, name);
            }

            internal void Report(string name)
            {
                Add(reported, name);
            }

            /// <summary>Calls a handler that throws.</summary>
            internal void Throw(string name, int number)
            {
                Call(name + " " + number);
                throw new FormatException(name + " " + number);
            }

            internal void Await(string name)
            {
                lock (called)
                {
                    while (!called.Contains(name))
                    {
                        Check.True(Monitor.Wait(called, 10000), "that it is called: " + name + "; there was: "
                            + string.Join("; ", called));
                    }
                }
            }

            /// <summary>Each event has called its four handlers in order, and reported the second and the
            /// third.</summary>
            internal void CheckAll(string[] events)
            {
                foreach (string name in events)
                {
                    string[] expected = { name + " 1", name + " 2", name + " 3", name + " 4" };
                    Check.Equal(expected, Of(called, name).Take(4), "the handlers of " + name);
                    Check.Equal(new[] { name + " 2", name + " 3" }, Of(reported, name).Take(2), "the reports of " + name);
                }
            }

            private string[] Of(List<string> lines, string name)
            {
                lock (called)
                {
                    return lines.Where(line => line.StartsWith(name + " ", StringComparison.Ordinal)).ToArray();
                }
            }

            private void Add(List<string> lines, string line)
            {
                lock (called)
                {
                    lines.Add(line);
                    Monitor.PulseAll(called);
                }
            }
        }

        [Test]
        public void EachHandlerOfEachEventIsCalledAlthoughOthersThrow()
        {
            using (ScriptedServer server = ScriptedServer.Once(DisposalTests.Serve))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_5))
            {
                Notes notes = new Notes();
                client.Authentication += (sender, e) => client.SendAuthentication(new MqttMsgAuthentication());
                for (int i = 1; i <= 4; i++)
                {
                    Attach(client, notes, i, i == 2 || i == 3);
                }

                client.HandlerException += (sender, e) => throw new FormatException("the handler of errors");
                client.HandlerException += (sender, e) =>
                {
                    Check.True(e.Exception is FormatException, e.Exception.ToString());
                    Check.True(e.Exception.Message.StartsWith(e.EventName + " ", StringComparison.Ordinal), e.EventName);
                    notes.Report(e.Exception.Message);
                };
                client.IsAuthenticationFlow = true;
                client.AuthenticationMethod = "M";
                client.Connect("c");
                DisposalTests.Ask(client);
                notes.Await("ConnectionClosed 4");
                notes.CheckAll(Events);
                server.Join();
            }
        }

        private static void Attach(MqttClient client, Notes notes, int number, bool throws)
        {
            Action<string> run = name =>
            {
                if (throws)
                {
                    notes.Throw(name, number);
                }

                notes.Call(name + " " + number);
            };
            client.Authentication += (sender, e) => run("Authentication");
            client.ConnectionClosed += (sender, e) => run("ConnectionClosed");
            client.ConnectionClosedRequest += (sender, e) => run("ConnectionClosedRequest");
            client.ConnectionOpened += (sender, e) => run("ConnectionOpened");
            client.MqttMsgPublishReceived += (sender, e) => run("MqttMsgPublishReceived");
            client.MqttMsgPublished += (sender, e) => run("MqttMsgPublished");
            client.MqttMsgSubscribed += (sender, e) => run("MqttMsgSubscribed");
            client.MqttMsgUnsubscribed += (sender, e) => run("MqttMsgUnsubscribed");
        }

        /// <summary>The older façade reports to its trace.</summary>
        [Test]
        public void EachHandlerOfTheClassicClientIsCalledAlthoughOthersThrow()
        {
            string[] events = Events.Where(name => name.StartsWith("MqttMsg") || name == "ConnectionClosed").ToArray();
            Notes notes = new Notes();
            Classic.Utility.Trace.TraceListener = (format, arguments) =>
            {
                FormatException error = arguments.OfType<FormatException>().FirstOrDefault();
                if (error != null)
                {
                    Check.Equal(arguments[0], error.Message.Split(' ')[0], "the event's name");
                    notes.Report(error.Message);
                }
            };
            Classic.Utility.Trace.TraceLevel = Classic.Utility.TraceLevel.Error;
            try
            {
                using (MqttLink.MqttBroker broker = new MqttLink.MqttBroker())
                using (Classic.MqttClient client = new Classic.MqttClient(
                    "127.0.0.1", broker.Port, false, null, null, Classic.MqttSslProtocols.None))
                {
                    for (int i = 1; i <= 4; i++)
                    {
                        Attach(client, notes, i, i == 2 || i == 3);
                    }

                    client.Connect("c");
                    client.Subscribe(new[] { "t" }, new byte[] { 1 });
                    client.Publish("t", new byte[1], 1, false);
                    client.Unsubscribe(new[] { "t" });
                    notes.Await("MqttMsgPublishReceived 4");
                    notes.Await("MqttMsgUnsubscribed 4");
                    client.Disconnect();
                    notes.Await("ConnectionClosed 4");
                    notes.CheckAll(events);
                }
            }
            finally
            {
                Classic.Utility.Trace.TraceListener = null;
            }
        }

        private static void Attach(Classic.MqttClient client, Notes notes, int number, bool throws)
        {
            Action<string> run = name =>
            {
                if (throws)
                {
                    notes.Throw(name, number);
                }

                notes.Call(name + " " + number);
            };
            client.ConnectionClosed += (sender, e) => run("ConnectionClosed");
            client.MqttMsgPublishReceived += (sender, e) => run("MqttMsgPublishReceived");
            client.MqttMsgPublished += (sender, e) => run("MqttMsgPublished");
            client.MqttMsgSubscribed += (sender, e) => run("MqttMsgSubscribed");
            client.MqttMsgUnsubscribed += (sender, e) => run("MqttMsgUnsubscribed");
        }

        /// <summary>Adding and removing mean what they mean for every event of .NET.</summary>
        [Test]
        public void HandlersAreAddedAndRemovedAsForEveryEvent()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                peer.Send(new MqttMsgPublish("t", Encoding.UTF8.GetBytes("x")));
                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                List<string> called = new List<string>();
                IMqttClient.MqttMsgPublishEventHandler one = (sender, e) => called.Add("one");
                IMqttClient.MqttMsgPublishEventHandler two = (sender, e) => called.Add("two");
                ManualResetEvent last = new ManualResetEvent(false);
                client.MqttMsgPublishReceived += null;
                client.MqttMsgPublishReceived += one;
                client.MqttMsgPublishReceived += one + two;
                client.MqttMsgPublishReceived += two;
                client.MqttMsgPublishReceived += two;
                client.MqttMsgPublishReceived -= one;
                client.MqttMsgPublishReceived -= two;
                client.MqttMsgPublishReceived -= null;
                client.MqttMsgPublishReceived += (sender, e) => last.Set();
                client.Connect("c");
                Check.Signalled(last, "the message");
                Check.Equal(new[] { "one", "two", "two" }, called);
                client.Disconnect();
                server.Join();
            }
        }
    }
}
