using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Text;
using MqttLink.TestRunner;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;
using Classic = uPLibrary.Networking.M2Mqtt;

namespace M2Mqtt.Tests
{
    /// <summary>Lines as programs for M2Mqtt have them: that they compile is most of the test.</summary>
    public sealed class SourceTests
    {
        /// <summary>Every way to publish, of 5.0 and 5.1 and with null and 0 where programs write them, means one
        /// overload.</summary>
        [Test]
        public void EveryWayToPublishIsUnambiguous()
        {
            MqttClient client = new MqttClient(IPAddress.Parse("127.0.0.1"));
            client.ProtocolVersion = MqttProtocolVersion.Version_5;
            byte[] message = Encoding.UTF8.GetBytes(Convert.ToString(21.5));
            ushort[] ids =
            {
                client.Publish("/home/temperature", message),
                client.Publish("/home/temperature", null),
                client.Publish("/home/temperature", message, MqttQoSLevel.ExactlyOnce, false),
                client.Publish("/home/temperature", message, MqttMsgBase.ExactlyOnce, false),
                client.Publish("/home/temperature", message, 0, false),
                client.Publish("/home/temperature", message, null),
                client.Publish("/home/temperature", message, "application/json"),
                client.Publish("/home/temperature", message, null, null),
                client.Publish("/home/temperature", message, "text/plain", new ArrayList()),
                client.Publish("/home/temperature", message, null, null, 0, true),
                client.Publish("/home/temperature", message, "text/plain",
                    new ArrayList { new UserProperty("unit", "C") }, MqttQoSLevel.AtLeastOnce, false)
            };
            Check.Equal(ids.Length, ids.Distinct().Count());
            client.Dispose();
        }

        /// <summary>A subscriber and a publisher as the older M2Mqtt's page has them.</summary>
        [Test]
        public void TheOlderProgramsRun()
        {
            using (MqttLink.MqttBroker broker = new MqttLink.MqttBroker())
            {
#pragma warning disable CS0618 // The constructors for addresses are obsolete in M2Mqtt too.
                Classic.MqttClient client = new Classic.MqttClient(
                    IPAddress.Parse("127.0.0.1"), broker.Port, false, null, null, Classic.MqttSslProtocols.None);
#pragma warning restore CS0618
                List<string> received = new List<string>();
                client.MqttMsgPublishReceived += new Classic.MqttClient.MqttMsgPublishEventHandler((sender, e) =>
                {
                    lock (received)
                    {
                        received.Add(e.Topic + " " + Encoding.UTF8.GetString(e.Message) + " " + e.QosLevel);
                    }
                });
                byte code = client.Connect(Guid.NewGuid().ToString());
                Check.Equal(Classic.Messages.MqttMsgConnack.CONN_ACCEPTED, code);
                client.Subscribe(new string[] { "/home/temperature" },
                    new byte[] { Classic.Messages.MqttMsgBase.QOS_LEVEL_EXACTLY_ONCE });
                client.Publish("/home/temperature", Encoding.UTF8.GetBytes("21.5"),
                    Classic.Messages.MqttMsgBase.QOS_LEVEL_EXACTLY_ONCE, false);
                Check.Eventually(() => received.Count == 1, "the message");
                Check.Equal("/home/temperature 21.5 2", received[0]);
                client.Disconnect();
                client.Dispose();
            }
        }

        /// <summary>A certificate whose names say that they are of impossible lengths is read to its end all the
        /// same.</summary>
        [Test(Seconds = 20)]
        [Case((byte)0xFA)]
        [Case((byte)0xFF)]
        [Case((byte)0x00)]
        public void NamesOfImpossibleLengthsEnd(byte last)
        {
            byte[] impossible = { 0x30, 0x0A, 0x82, 0x01, (byte)'a', 0x82, 0x84, 0xFF, 0xFF, 0xFF, last, (byte)'b' };
            List<string> names = CertificateFindings.Names(impossible).Take(100)
                .Select(name => Encoding.ASCII.GetString(name.Value)).ToList();
            Check.Equal(new[] { "a" }, names.ToArray());
            byte[] cut = { 0x30, 0x05, 0x82, 0x03, (byte)'a' };
            Check.Equal(0, CertificateFindings.Names(cut).Count());
        }
    }
}
