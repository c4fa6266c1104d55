using nanoFramework.M2Mqtt.Exceptions;

namespace MqttLink.M2Mqtt.Engine
{
    /// <summary>Identifiers from 1 to 65,535, each given out once until it is given back.</summary>
    internal sealed class PacketIds
    {
        private readonly bool[] used = new bool[ushort.MaxValue + 1];
        private int last;
        private int count;

        /// <exception cref="MqttClientException">All are in use.</exception>
        internal ushort Take()
        {
            if (count == ushort.MaxValue)
            {
                throw new MqttClientException(MqttClientErrorCode.InflightQueueFull,
                    "all 65,535 identifiers are in use: wait for the outcome of earlier messages, with WaitAll or"
                    + " the event MqttMsgPublished");
            }

            do
            {
                last = last == ushort.MaxValue ? 1 : last + 1;
            }
            while (used[last]);
            used[last] = true;
            count++;
            return (ushort)last;
        }

        internal void GiveBack(ushort id)
        {
            if (used[id])
            {
                used[id] = false;
                count--;
            }
        }
    }
}
