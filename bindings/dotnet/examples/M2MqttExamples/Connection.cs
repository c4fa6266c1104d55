using System;
using System.Text;
using System.Threading;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;

namespace M2MqttExamples
{
    /// <summary>A connection of MQTT 5.0 with everything it can ask for, and everything that the server grants.</summary>
    internal static class Connection
    {
        internal static bool Run(string host, int port)
        {
            using (MqttClient client = new MqttClient(host, port, false, null, null, MqttSslProtocols.None))
            using (ManualResetEvent opened = new ManualResetEvent(false))
            using (ManualResetEvent closed = new ManualResetEvent(false))
            {
                client.ProtocolVersion = MqttProtocolVersion.Version_5;
                client.SessionExpiryInterval = 60;
                client.ReceiveMaximum = 100;
                client.TopicAliasMaximum = 10;
                client.RequestResponseInformation = true;
                client.RequestProblemInformation = true;
                client.WillDelayInterval = 5;
                client.UserProperties.Add(new UserProperty("made-by", "an example"));
                client.ConnectionOpened += (sender, e) =>
                {
                    Print(e.Message);
                    opened.Set();
                };
                client.ConnectionClosedRequest += (sender, e) =>
                    Console.WriteLine("the server ends the connection: " + e.Message.ReasonCode);
                client.ConnectionClosed += (sender, e) => closed.Set();
                client.MqttMsgPublishReceived += (sender, e) =>
                {
                    MqttMsgPublishDetailedEventArgs all = (MqttMsgPublishDetailedEventArgs)e;
                    Console.WriteLine(e.Topic + ": " + Encoding.UTF8.GetString(e.Message) + " as " + all.ContentType);
                };
                // An empty client identifier: the server makes one up.
                MqttReasonCode code = client.Connect(string.Empty, null, null, false, MqttQoSLevel.AtLeastOnce, true,
                    "status", "gone", true, 30);
                if (code != MqttReasonCode.Success)
                {
                    Console.WriteLine("refused with " + (int)code);
                    return false;
                }

                Console.WriteLine("connected as " + client.ClientId);
                client.SubscribeAndWait(new[] { "readings" }, new[] { MqttQoSLevel.AtLeastOnce }, 10000);
                client.Publish("readings", Encoding.UTF8.GetBytes("{\"t\":21.5}"), "application/json");
                client.WaitAll(10000);
                bool told = opened.WaitOne(10000);
                client.Disconnect();
                return told && closed.WaitOne(10000);
            }
        }

        private static void Print(MqttMsgConnack answer)
        {
            Console.WriteLine("ReturnCode: " + (int)answer.ReturnCode);
            Console.WriteLine("SessionPresent: " + answer.SessionPresent);
            Console.WriteLine("SessionExpiryInterval: " + answer.SessionExpiryInterval);
            Console.WriteLine("ReceiveMaximum: " + answer.ReceiveMaximum);
            Console.WriteLine("MaximumQoS: " + answer.MaximumQoS + ", level " + (int)answer.MaximumQosLevel);
            Console.WriteLine("RetainAvailable: " + answer.RetainAvailable);
            Console.WriteLine("MaximumPacketSize: " + answer.MaximumPacketSize);
            Console.WriteLine("AssignedClientIdentifier: " + answer.AssignedClientIdentifier);
            Console.WriteLine("TopicAliasMaximum: " + answer.TopicAliasMaximum);
            Console.WriteLine("Reason: " + answer.Reason);
            Console.WriteLine("WildcardSubscriptionAvailable: " + answer.WildcardSubscriptionAvailable);
            Console.WriteLine("SubscriptionIdentifiersAvailable: " + answer.SubscriptionIdentifiersAvailable);
            Console.WriteLine("SharedSubscriptionAvailable: " + answer.SharedSubscriptionAvailable);
            Console.WriteLine("ServerKeepAlive: " + answer.ServerKeepAlive);
            Console.WriteLine("ResponseInformation: " + answer.ResponseInformation);
            Console.WriteLine("ServerReference: " + answer.ServerReference);
            Console.WriteLine("AuthenticationMethod: " + answer.AuthenticationMethod);
            foreach (UserProperty property in answer.UserProperties)
            {
                Console.WriteLine("UserProperty: " + property.Name + " = " + property.Value);
            }
        }
    }
}
