using System;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;

namespace M2MqttExamples
{
    /// <summary>A connection as Azure IoT Hub wants it, to a broker of one's own: the user name says hub and device, the
    /// password is a signature that expires, and the topics have the hub's shape. For the hub itself: its name as the
    /// host, port 8883, <c>secure</c> true.</summary>
    internal static class AzureShape
    {
        internal const string Hub = "example.azure-devices.net";
        internal const string Device = "thermometer";

        // The key of the device, in base 64, as the hub shows it.
        private static readonly string Key = Convert.ToBase64String(Encoding.ASCII.GetBytes("the key of the device"));

        internal static string UserName
        {
            get { return Hub + "/" + Device + "/?api-version=2021-04-12"; }
        }

        internal static bool Run(string host, int port)
        {
            string toDevice = "devices/" + Device + "/messages/devicebound/#";
            string toHub = "devices/" + Device + "/messages/events/";
            using (MqttClient client = new MqttClient(host, port, false, null, null, MqttSslProtocols.None))
            using (ManualResetEvent commanded = new ManualResetEvent(false))
            {
                client.MqttMsgPublishReceived += (sender, e) =>
                {
                    Console.WriteLine("command: " + Encoding.UTF8.GetString(e.Message));
                    commanded.Set();
                };
                MqttReasonCode code = client.Connect(Device, UserName, Signature(TimeSpan.FromHours(1)), false,
                    MqttQoSLevel.AtLeastOnce, false, null, null, false, 60);
                if (code != MqttReasonCode.Success)
                {
                    Console.WriteLine("refused with " + (int)code);
                    return false;
                }

                client.SubscribeAndWait(new[] { toDevice }, new[] { MqttQoSLevel.AtLeastOnce }, 10000);
                MqttReasonCode taken = client.PublishAndWait(toHub + "unit=celsius",
                    Encoding.UTF8.GetBytes("{\"temperature\":21.5}"), MqttQoSLevel.AtLeastOnce, false, 10000);
                // Here the program plays the hub too.
                client.Publish("devices/" + Device + "/messages/devicebound/fan", Encoding.UTF8.GetBytes("on"),
                    MqttQoSLevel.AtLeastOnce, false);
                bool done = commanded.WaitOne(10000) && taken == MqttReasonCode.Success;
                client.Disconnect();
                return done;
            }
        }

        /// <summary>A shared access signature: it says for what and until when, and proves that the signer has the
        /// key.</summary>
        internal static string Signature(TimeSpan lifetime)
        {
            string resource = Uri.EscapeDataString(Hub + "/devices/" + Device);
            long until = DateTimeOffset.UtcNow.Add(lifetime).ToUnixTimeSeconds();
            string expiry = until.ToString(CultureInfo.InvariantCulture);
            return "SharedAccessSignature sr=" + resource + "&sig=" + Uri.EscapeDataString(Sign(resource, expiry))
                + "&se=" + expiry;
        }

        /// <summary>Whether a password is a signature that has not expired.</summary>
        internal static bool IsValid(string password)
        {
            string[] parts = password.Split('&', '=');
            return parts.Length == 6 && parts[4] == "se"
                && Uri.UnescapeDataString(parts[3]) == Sign(parts[1], parts[5])
                && long.Parse(parts[5], CultureInfo.InvariantCulture) > DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        }

        private static string Sign(string resource, string expiry)
        {
            using (HMACSHA256 hmac = new HMACSHA256(Convert.FromBase64String(Key)))
            {
                return Convert.ToBase64String(hmac.ComputeHash(Encoding.UTF8.GetBytes(resource + "\n" + expiry)));
            }
        }
    }
}
