using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using MqttLink.TestRunner;
using MqttLink.Tests;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Exceptions;
using Classic = uPLibrary.Networking.M2Mqtt;

namespace M2Mqtt.Tests
{
    /// <summary>Whatever <c>Connect</c> waits for, the client can be ended at once, and nothing is left.</summary>
    public sealed class ClosingTests
    {
        // Nothing but closing ends the attempt while the test looks.
        private const int Long = 300000;

        [Test(Seconds = 200)]
        [Case("Close", "TCP")]
        [Case("Close", "TLS")]
        [Case("Close", "CONNACK")]
        [Case("Disconnect", "TCP")]
        [Case("Disconnect", "TLS")]
        [Case("Disconnect", "CONNACK")]
        [Case("Dispose", "TCP")]
        [Case("Dispose", "TLS")]
        [Case("Dispose", "CONNACK")]
        public void EndingDoesNotWaitForConnect(string how, string state)
        {
            Check.Within(1500, how + " while Connect waits for " + state, () => EndIn(state, how));
            // What the runtime starts for itself it has started now, but for some threads of its pool.
            int before = Directory.GetDirectories("/proc/self/task").Length;
            for (int i = 0; i < 20; i++)
            {
                EndIn(state, how);
            }

            Check.Eventually(() => Directory.GetDirectories("/proc/self/task").Length <= before + 15, "few threads");
        }

        private static long EndIn(string state, string how)
        {
            using (Unresponsive server = state == "TCP" ? Unresponsive.Full() : Unresponsive.Silent())
            using (MqttClient client = new MqttClient(
                server.Host, server.Port, state == "TLS", null, null, MqttSslProtocols.None))
            {
                client.Settings.TimeoutOnConnection = Long;
                Task connecting = Task.Factory.StartNew(() => client.Connect("c"), TaskCreationOptions.LongRunning);
                Reach(state, server);
                Stopwatch clock = Stopwatch.StartNew();
                switch (how)
                {
                    case "Close":
                        client.Close();
                        break;
                    case "Disconnect":
                        client.Disconnect();
                        break;
                    default:
                        client.Dispose();
                        break;
                }

                // The call that waited is awake as well.
                Exception error = Check.Throws<AggregateException>(() => connecting.Wait(10000)).InnerException;
                long took = clock.ElapsedMilliseconds;
                Check.True(error is MqttCommunicationException || error is MqttConnectionException
                    || error is ObjectDisposedException, error.ToString());
                Check.True(!client.IsConnected, "that it is not connected");
                return took;
            }
        }

        private static void Reach(string state, Unresponsive server)
        {
            if (state == "TCP")
            {
                server.WaitForAttempt();
            }
            else
            {
                server.WaitForBytes();
            }
        }

        /// <summary>The older façade ends in the same way.</summary>
        [Test(Seconds = 100)]
        [Case("TCP")]
        [Case("TLS")]
        [Case("CONNACK")]
        public void TheClassicClientIsDisposedWhileConnectWaits(string state)
        {
            Check.Within(1500, "Dispose while Connect waits for " + state, () =>
            {
                using (Unresponsive server = state == "TCP" ? Unresponsive.Full() : Unresponsive.Silent())
                {
                    Classic.MqttClient client = new Classic.MqttClient(
                        server.Host, server.Port, state == "TLS", null, null, Classic.MqttSslProtocols.None);
                    client.Settings.TimeoutOnConnection = Long;
                    Task connecting = Task.Factory.StartNew(() => client.Connect("c"), TaskCreationOptions.LongRunning);
                    Reach(state, server);
                    Stopwatch clock = Stopwatch.StartNew();
                    client.Dispose();
                    Check.Throws<AggregateException>(() => connecting.Wait(10000));
                    return clock.ElapsedMilliseconds;
                }
            });
        }
    }
}
